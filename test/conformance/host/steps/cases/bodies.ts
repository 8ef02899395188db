import type { Case, Place, RequestSteps } from "../step.ts";
import { backpressure, tooMuch } from "./backpressure.ts";
import { OK, poke } from "./common.ts";

/** A request of two pieces and an answer of two, both ended apart. */
async function pieces({ request }: Place, script: string): Promise<void> {
  const stream = await request(script, { end: false });
  await stream.send("one");
  await stream.send("two");
  await stream.finish();
  await answer(stream);
}

async function answer(stream: RequestSteps): Promise<void> {
  await stream.answer(OK, false);
  await stream.answerData("three");
  await stream.answerData("four");
  await stream.answerEnd();
}

/** The same with trailers both ways. */
async function withTrailers({ request }: Place, script: string): Promise<void> {
  const stream = await request(script, { end: false });
  await stream.send("one");
  await stream.trailers([["x-t", "1"]]);
  await stream.answer(OK, false);
  await stream.answerData("three");
  await stream.answerTrailers([["x-t", "2"]]);
}

/** What data callbacks may return, by number, and what Envoy makes of it. */
const DATA_RESULTS = [
  [1, "StopIterationAndBuffer"],
  [2, "StopIterationAndWatermark"],
  [3, "StopIterationNoBuffer"],
  [9, "an unknown action"],
] as const;

const both = (callback: string, lines: string) =>
  ["request", "response"].map((side) => lines.replaceAll(callback, `${side}_${callback}`)).join("\n");

const limits: readonly Case[] = [
  {
    title: "a request over the limit that is buffered is answered with 413",
    limited: true,
    play: async ({ request }) => {
      const stream = await request("request_body: return 1", { end: false });
      await tooMuch(stream, "request");
    },
  },
  {
    title: "a response over the limit that is buffered becomes a 500",
    limited: true,
    play: async ({ request }) => {
      const stream = await request("response_body: return 1");
      await stream.answer(OK, false);
      await tooMuch(stream, "response");
    },
  },
  {
    title: "a response over the limit that is buffered behind headers that went out is cut off",
    limited: true,
    play: async ({ request }) => {
      const stream = await request(
        "response_body#2: return 1\nresponse_body#3: return 1\nresponse_body#4: return 1\nresponse_body#5: return 1\nresponse_body#6: return 1",
      );
      await stream.answer(OK, false);
      await stream.answerData("first");
      await tooMuch(stream, "response");
    },
  },
  {
    title: "a body over the limit passes a filter that lets it through",
    limited: true,
    play: async ({ request }) => {
      const stream = await request("", { end: false });
      await tooMuch(stream, "request");
      await stream.finish();
      await stream.answer(OK, false);
      await tooMuch(stream, "response");
      await stream.answerEnd();
    },
  },
  {
    title: "a body over the limit that waits for StopIterationAndWatermark to end",
    limited: true,
    play: async (place) => {
      const stream = await place.request("request_body: return 2;poked: continue 0", { end: false });
      await tooMuch(stream, "request");
      await poke(place);
      await stream.finish();
    },
  },
  {
    title: "a body over the limit that is dropped",
    limited: true,
    play: async ({ request }) => {
      const stream = await request("request_body: return 3\nrequest_body_end: return 0", { end: false });
      await tooMuch(stream, "request");
      await stream.finish();
      await stream.answer(OK, true);
    },
  },
];

const MEBIBYTE = 1024 * 1024;

/** Limits that nobody has set: that of HTTP/2 is the stream's window, that of HTTP/1.1 the connection's. */
const defaults = (
  [
    ["http/1.1", MEBIBYTE + 1, "more than 1 MiB that is buffered over HTTP/1.1 is answered with 413"],
    ["h2", MEBIBYTE + 1, "more than 1 MiB may be buffered over HTTP/2"],
    ["h2", 16 * MEBIBYTE, "16 MiB may be buffered over HTTP/2"],
    ["h2", 16 * MEBIBYTE + 1, "more than 16 MiB that is buffered over HTTP/2 is answered with 413"],
  ] as const
).map(([protocol, size, title]): Case => ({
  title,
  // Nothing is logged: in which pieces a body is read is left to chance.
  filters: [{ script: "request_body_more: return 1\nrequest_body_end: respond 200 whole whole -1" }],
  play: async ({ request, together }) => {
    const stream = await request(undefined, { protocol, end: false });
    await together(async () => {
      await stream.send("x".repeat(size));
      await stream.finish();
    });
  },
}));

/** Bodies that are let through, held back, changed and dropped, both ways. */
export const bodies: readonly Case[] = [
  {
    title: "pieces and their end come one by one",
    play: (place) => pieces(place, both("body", "body: body 0 0 99").replace("response_body: body 0", "response_body: body 1")),
  },
  { title: "with trailers", play: (place) => withTrailers(place, "request_body: body 0 0 99\nresponse_body: body 1 0 99") },
  ...DATA_RESULTS.flatMap(([result, name]): Case[] => [
    { title: `${name} until the end`, play: (place) => pieces(place, both("body_more", `body_more: return ${result}`)) },
    { title: `${name} until trailers`, play: (place) => withTrailers(place, both("body", `body: return ${result}`)) },
    { title: `${name} at the end`, play: (place) => pieces(place, both("body_end", `body_end: return ${result}`)) },
    { title: `${name} once, then Continue`, play: (place) => pieces(place, both("body#1", `body#1: return ${result}`)) },
    {
      title: `${name}, resumed by a tick`,
      play: async ({ request, pass, together }) => {
        const stream = await request(`request_body#1: return ${result};request_body#1: tick 10;tick: tick 0;tick: continue 0`, {
          end: false,
        });
        await together(async () => {
          await stream.send("one");
          await pass(20);
        });
        await stream.send("two");
        await stream.finish();
        await answer(stream);
      },
    },
    {
      title: `${name} in a response, resumed by a tick`,
      play: async ({ request, pass, together }) => {
        const stream = await request(`response_body#1: return ${result};response_body#1: tick 10;tick: tick 0;tick: continue 1`);
        await stream.answer(OK, false);
        await together(async () => {
          await stream.answerData("one");
          await pass(20);
        });
        await stream.answerData("two");
        await stream.answerEnd();
      },
    },
  ]),
  {
    title: "data that was buffered and resumed may be buffered again",
    play: async (place) => {
      const stream = await place.request("request_body_more: return 1;request_body: body 0 0 99;poked: continue 0;poked: body 0 0 99", {
        end: false,
      });
      await stream.send("one");
      await poke(place);
      await stream.send("two");
      await stream.send("three");
      await poke(place);
      await stream.finish();
      await stream.answer();
    },
  },
  {
    title: "headers that are paused hold back what follows",
    play: async (place) => {
      const { request } = place;
      const stream = await request("request_headers: return 1;poked: continue 0", { end: false });
      await stream.send("one");
      await stream.finish();
      await poke(place);
      await answer(stream);
    },
  },
  {
    title: "headers that are continued before their callback pauses them",
    play: async ({ request }) => {
      const whole = await request("request_headers: continue 0;request_headers: return 1");
      await whole.answer();
      const stream = await request("request_headers: continue 0;request_headers: return 1", { end: false });
      await stream.send("one");
      await stream.finish();
    },
  },
  {
    title: "response headers that are paused hold back what follows",
    play: async (place) => {
      const { request } = place;
      const stream = await request("response_headers: return 1;poked: continue 1");
      await stream.answer(OK, false);
      await stream.answerData("one");
      await stream.answerTrailers([["x-t", "1"]]);
      await poke(place);
    },
  },
  {
    title: "StopAllIterationAndBuffer and StopAllIterationAndWatermark of headers",
    play: async (place) => {
      const { request } = place;
      for (const result of [3, 4, 2]) {
        const stream = await request(`request_headers: return ${result};poked: continue 0`, {
          end: false,
        });
        await stream.send("one");
        await stream.trailers([["x-t", "1"]]);
        await poke(place);
        await stream.answer();
      }
    },
  },
  {
    title: "with allow_on_headers_stop_iteration bodies come behind paused headers",
    filters: [{ allowOnHeadersStopIteration: true }],
    play: async ({ request }) => {
      const stream = await request(
        "request_headers: return 1;request_body_more: return 1;response_headers: return 1;response_body_more: return 1",
        { end: false },
      );
      await stream.send("one");
      await stream.send("two");
      await stream.finish();
      await answer(stream);
    },
  },
  {
    title: "with allow_on_headers_stop_iteration Continue from a body resumes",
    filters: [{ allowOnHeadersStopIteration: true }],
    play: async ({ request }) => {
      const stream = await request("request_headers: return 1", { end: false });
      await stream.send("one");
      await stream.finish();
      await answer(stream);
    },
  },
  {
    title: "trailers that are paused",
    play: async (place) => {
      const { request } = place;
      const stream = await request("request_trailers: return 1;poked: continue 0;response_trailers: return 1", { end: false });
      await stream.send("one");
      await stream.trailers([["x-t", "1"]]);
      await poke(place);
      await stream.answer(OK, false);
      await stream.answerData("three");
      await stream.answerTrailers([["x-t", "2"]]);
    },
  },
  {
    title: "response trailers that are paused",
    play: async (place) => {
      const stream = await place.request("response_trailers: return 1;poked: continue 1");
      await stream.answer(OK, false);
      await stream.answerData("three");
      await stream.answerTrailers([["x-t", "2"]]);
      await poke(place);
    },
  },
  {
    title: "a body that is changed piece by piece",
    play: (place) =>
      pieces(
        place,
        "request_body: setbody 0 0 1 X;request_body_end: setbody 0 0 0 END;response_body: setbody 1 100 0 Y;response_body_end: setbody 1 0 0 END",
      ),
  },
  {
    title: "a body that is replaced when it is whole",
    play: (place) =>
      pieces(
        place,
        "request_body_more: return 1;request_body_end: setbody 0 0 99 whole;response_body_more: return 1;response_body_end: setbody 1 0 99 whole",
      ),
  },
  {
    title: "a body that is emptied",
    play: (place) => pieces(place, "request_body: setbody 0 0 99;response_body: setbody 1 0 99"),
  },
  {
    title: "trailers that a filter adds at the end",
    play: (place) => pieces(place, "request_body_end: add 1 x-added 1;response_body_end: add 3 x-added 2"),
  },
  {
    title: "the upstream answers before the request ends",
    play: async ({ request }) => {
      const stream = await request("", { end: false });
      await stream.send("one");
      await answer(stream);
    },
  },
  {
    title: "the client leaves in the middle",
    play: async ({ request }) => {
      const first = await request("request_body: return 1;log: prop response.flags", { end: false });
      await first.send("one");
      await first.leave();
      const second = await request("log: prop response.flags");
      await second.answer(OK, false);
      await second.answerData("three");
      await second.leave();
    },
  },
  ...limits,
  ...backpressure,
  ...defaults,
];
