import type { Case } from "../step.ts";
import { OK, poke } from "./common.ts";

const ENTRIES = [
  ["a", "1"],
  ["b", "2"],
] as const;

/** METADATA frames of HTTP/2, which Envoy takes with `http2_protocol_options.allow_metadata` on both sides. */
const cases: ReadonlyArray<Omit<Case, "metadata">> = [
  {
    title: "in a request and a response",
    play: async ({ request }) => {
      const stream = await request("", { end: false });
      await stream.metadata(ENTRIES);
      await stream.send("one");
      await stream.metadata([["c", "3"]]);
      await stream.finish();
      await stream.answer(OK, false);
      await stream.answerMetadata(ENTRIES);
      await stream.answerData("two");
      await stream.answerMetadata([["c", "3"]]);
      await stream.answerEnd();
    },
  },
  {
    title: "what the callbacks return stops nothing, and headers are gone in them",
    play: async ({ request }) => {
      const stream = await request(
        "request_metadata: return 1;request_metadata: get 0 :path;request_metadata: pairs 1;request_metadata: body 0 0 9;response_metadata: return 1;response_metadata: get 2 :status",
        { end: false },
      );
      await stream.metadata(ENTRIES);
      await stream.finish();
      await stream.answer(OK, false);
      await stream.answerMetadata(ENTRIES);
      await stream.answerEnd();
    },
  },
  {
    title: "paused headers hold it back",
    play: async (place) => {
      const stream = await place.request("request_headers: return 1;poked: continue 0;response_headers: return 1;poked#2: continue 1", {
        end: false,
      });
      await stream.metadata(ENTRIES);
      await stream.send("one");
      await stream.metadata([["c", "3"]]);
      await poke(place);
      await stream.finish();
      await stream.answer(OK, false);
    },
  },
  {
    title: "paused response headers hold it back",
    play: async (place) => {
      const stream = await place.request("response_headers: return 1;poked: continue 1");
      await stream.answer(OK, false);
      await stream.answerMetadata(ENTRIES);
      await stream.answerData("one");
      await poke(place);
      await stream.answerEnd();
    },
  },
  {
    title: "a body that is buffered does not hold it back",
    play: async ({ request }) => {
      const stream = await request("request_body_more: return 1;response_body_more: return 1", { end: false });
      await stream.send("one");
      await stream.metadata(ENTRIES);
      await stream.finish();
      await stream.answer(OK, false);
      await stream.answerData("two");
      await stream.answerMetadata(ENTRIES);
      await stream.answerEnd();
    },
  },
  {
    title: "behind headers that stop with allow_on_headers_stop_iteration",
    filters: [{ allowOnHeadersStopIteration: true }],
    play: async ({ request }) => {
      const stream = await request("request_headers: return 1", { end: false });
      await stream.metadata(ENTRIES);
      await stream.send("one");
      await stream.finish();
      await stream.answer();
    },
  },
  {
    title: "through two filters, the second of which pauses",
    filters: [{}, { script: "trace: on\nrequest_headers: return 1\nrequest_metadata: continue 0" }],
    play: async ({ request }) => {
      const stream = await request("", { end: false });
      await stream.metadata(ENTRIES);
      await stream.finish();
      await stream.answer(OK, false);
      await stream.answerMetadata(ENTRIES);
      await stream.answerEnd();
    },
  },
  {
    title: "a local response to it",
    play: async ({ request }) => {
      const stream = await request("request_metadata: respond 403 no no -1", { end: false });
      await stream.metadata(ENTRIES);
    },
  },
  // A local response to that of a response is left out: behind it Envoy 1.36 and 1.39 take no request any more; 1.40 resets the stream.
  {
    title: "a stream that is closed by it",
    play: async ({ request }) => {
      const stream = await request("request_metadata: close 0", { end: false });
      await stream.metadata(ENTRIES);
    },
  },
  {
    title: "a trap in the request's",
    filters: [{ failurePolicy: "FAIL_OPEN" }],
    play: async ({ request }) => {
      const stream = await request("request_metadata: trap", { end: false });
      await stream.metadata(ENTRIES);
    },
  },
];

export const metadata: readonly Case[] = cases.map((one) => ({ ...one, metadata: true }));
