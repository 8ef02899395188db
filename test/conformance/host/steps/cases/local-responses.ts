import type { Case, Place, RequestOptions } from "../step.ts";
import { OK, poke } from "./common.ts";

const GRPC: RequestOptions = {
  headers: [
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ],
};
/** With a header, details and a body. */
const RESPOND = "respond 418 why+it+is local+body 4294967295 x-local 1";
/** Without a body. */
const BARE = "respond 403 bare  4294967295";

const PROTOCOLS: ReadonlyArray<readonly [name: string, options: RequestOptions]> = [
  ["HTTP/2", {}],
  ["HTTP/1.1", { protocol: "http/1.1" }],
  ["gRPC", GRPC],
];

const STAGES = [
  ...["request_headers", "request_body#1", "request_body_end", "request_trailers"],
  ...["response_headers", "response_body#1", "response_body_end", "response_trailers"],
];

/** A whole exchange as far as it comes. */
async function exchange({ request }: Place, script: string, options: RequestOptions, trailers: boolean): Promise<void> {
  const stream = await request(script, { ...options, end: false });
  await stream.send("one");
  await (trailers ? stream.trailers([["x-t", "1"]]) : stream.finish());
  await stream.answer(OK, false);
  await stream.answerData("three");
  await (trailers ? stream.answerTrailers([["x-t", "2"]]) : stream.answerEnd());
}

/** Answers of filters at every stage, over each protocol. */
export const localResponses: readonly Case[] = [
  ...PROTOCOLS.flatMap(([protocol, options]) =>
    STAGES.flatMap((stage): Case[] =>
      [RESPOND, BARE].map((respond) => ({
        title: `over ${protocol} in ${stage.replace("#1", "")}${respond === BARE ? ", bare" : ""}`,
        play: (place) => exchange(place, `${stage}: ${respond}`, options, stage.endsWith("trailers")),
      })),
    ),
  ),
  ...PROTOCOLS.map(([protocol, options]): Case => ({
    title: `over ${protocol} while a body is buffered, with what is logged`,
    play: async ({ request }) => {
      const stream = await request(`request_body: return 1;request_body#2: ${RESPOND};log: get 2 x-local;log: prop response.flags`, {
        ...options,
        end: false,
      });
      await stream.send("one");
      await stream.send("two");
    },
  })),
  {
    title: "to a stream that is paused, from another's callback",
    play: async (place) => {
      await place.request(`request_headers: return 1;poked: ${RESPOND}`);
      await poke(place);
      const second = await place.request(`response_headers: return 1;poked: ${RESPOND}`);
      await second.answer(OK, false);
      await poke(place);
    },
  },
  {
    title: "to a stream that waits for its upstream, from another's callback",
    play: async (place) => {
      await place.request(`poked: ${RESPOND}`);
      await poke(place);
    },
  },
  {
    title: "to a stream whose response is under way, from another's callback",
    play: async (place) => {
      const stream = await place.request(`poked: ${RESPOND}`);
      await stream.answer(OK, false);
      await stream.answerData("three");
      await poke(place);
    },
  },
  {
    title: "to a request whose body still comes",
    play: async ({ request }) => {
      const stream = await request(`request_headers: ${RESPOND}`, { end: false });
      await stream.send("one");
      await stream.finish();
    },
  },
  {
    title: "and continuing at the same time",
    play: async ({ request }) => {
      await request(`request_headers: ${RESPOND};request_headers: return 1`);
      const stream = await request(`request_body: ${RESPOND};request_body: return 1`, { end: false });
      await stream.send("one");
    },
  },
  {
    title: "of the first of two filters pass the second one's response callbacks",
    filters: [{}, { script: "trace: on\nresponse_headers: add 2 x-second 1" }],
    play: async ({ request }) => {
      const stream = await request("request_headers: add 0 x-a 1");
      await stream.answer();
    },
  },
  {
    title: "of the second of two filters",
    filters: [
      { script: "trace: on\nresponse_headers: add 2 x-first 1\nresponse_body: body 1 0 99" },
      { script: `trace: on\nrequest_headers: ${RESPOND}` },
    ],
    play: async ({ request }) => {
      await request();
      await request(undefined, { protocol: "http/1.1" });
      await request(undefined, GRPC);
      await request(undefined, { method: "HEAD" });
    },
  },
  {
    title: "of the first of two filters",
    filters: [{ script: `trace: on\nrequest_headers: ${RESPOND}` }, { script: "trace: on\nresponse_headers: add 2 x-second 1" }],
    play: async ({ request }) => {
      await request();
      await request(undefined, GRPC);
    },
  },
  {
    title: "that the first filter pauses on their way out",
    filters: [
      { script: "trace: on\nresponse_headers: return 1\nresponse_headers: tick 20\ntick: effective\ntick: continue 1\ntick: tick 0" },
      { script: `trace: on\nrequest_headers: ${RESPOND}` },
    ],
    play: async ({ request, pass, together }) => {
      await together(async () => {
        await request();
        await pass(60);
      });
    },
  },
  {
    title: "that their filter replaces in its response callback",
    play: async ({ request }) => {
      await request(`request_headers: ${RESPOND};response_headers: respond 500 again replaced 4294967295 x-again 1`);
    },
  },
  {
    title: "that the first filter replaces in its response callback",
    filters: [
      { script: "trace: on\nresponse_headers: respond 500 again replaced 4294967295 x-again 1" },
      { script: `trace: on\nrequest_headers: ${RESPOND}` },
    ],
    play: async ({ request }) => {
      await request();
    },
  },
  {
    title: "that the second of two filters sends in place of a response",
    filters: [{ script: "trace: on\nresponse_headers: add 2 x-first 1" }, { script: `trace: on\nresponse_headers: ${RESPOND}` }],
    play: async ({ request }) => {
      const stream = await request();
      await stream.answer(OK, false);
      await stream.answerData("three");
      await stream.answerEnd();
    },
  },
  ...(["request", "response"] as const).flatMap((side, type) =>
    [`${side}_headers`, `${side}_body#1`, `${side}_body_end`].map((stage): Case => ({
      title: `a stream that is closed in ${stage.replace("#1", "")}`,
      play: (place) => exchange(place, `${stage}: close ${type}`, {}, false),
    })),
  ),
  {
    title: "a stream that is closed from another's callback",
    play: async (place) => {
      await place.request("request_headers: return 1;poked: close 0");
      await poke(place);
      const second = await place.request("poked: close 1");
      await second.answer(OK, false);
      await poke(place);
    },
  },
];
