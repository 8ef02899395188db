import { LIMIT, type Case, type RequestSteps } from "../step.ts";
import { OK, poke } from "./common.ts";

const CHUNK = "x".repeat(16_000);
/** More than may be buffered, in five pieces. */
export async function tooMuch(stream: RequestSteps, side: "request" | "response"): Promise<void> {
  for (let sent = 0; sent <= LIMIT; sent += CHUNK.length) await (side === "request" ? stream.send(CHUNK) : stream.answerData(CHUNK));
}

/** Pieces that the window still takes when Envoy has stopped reading: they wait in its codec, the end of the message with them. */
const WAITING = 2;
/** Pieces of which the windows and buffers of both sides take no half. */
const MANY = 64;
/** In which pieces they come is left to chance. */
const NO_PIECES = /^(?!> (?:request|response)_body )/;

type Protocol = NonNullable<Case["upstream"]>;

/** Streams that Envoy no longer reads: because a filter's buffer is full, or because nobody reads what the filters let through. */
const cases = (protocol: Protocol, upstream: Protocol): readonly Case[] => [
  {
    title: "a request over the limit is not read until StopIterationAndWatermark ends",
    play: async (place) => {
      const stream = await place.request("request_body#1: return 2;request_body_more: return 2;poked: continue 0", {
        protocol,
        end: false,
      });
      await tooMuch(stream, "request");
      for (let i = 0; i < WAITING; i++) await stream.send(CHUNK);
      await poke(place);
      await stream.send(CHUNK);
      await stream.finish();
      await stream.answer();
    },
  },
  {
    title: "a response over the limit is not read until StopIterationAndWatermark ends",
    play: async (place) => {
      const stream = await place.request("response_body_more: return 2;poked: continue 1", { protocol });
      await stream.answer(OK, false);
      await tooMuch(stream, "response");
      for (let i = 0; i < WAITING; i++) await stream.answerData(CHUNK);
      await stream.answerTrailers([["x-t", "1"]]);
      await poke(place);
    },
  },
  {
    title: "what is read again stops at the limit again",
    play: async (place) => {
      const stream = await place.request("request_body_more: return 2;poked: continue 0", { protocol, end: false });
      for (let i = 0; i < 2; i++) {
        await tooMuch(stream, "request");
        await stream.send(CHUNK);
        await poke(place);
      }
      await stream.trailers([["x-t", "1"]]);
    },
  },
  {
    title: "what has waited and is over the limit again, with trailers",
    shown: NO_PIECES,
    play: async (place) => {
      const stream = await place.request("request_body_more: return 2;poked: continue 0", { protocol, end: false });
      for (let i = 0; i < 2; i++) await tooMuch(stream, "request");
      await stream.trailers([["x-t", "1"]]);
      await poke(place);
      if (protocol === "h2") await poke(place);
    },
  },
  {
    title: "what has waited and is over the limit again, with an end",
    shown: NO_PIECES,
    play: async (place) => {
      const stream = await place.request("response_body_more: return 2;poked: continue 1", { protocol });
      await stream.answer(OK, false);
      for (let i = 0; i < 2; i++) await tooMuch(stream, "response");
      await stream.answerEnd();
      await poke(place);
      if (upstream === "h2") await poke(place);
    },
  },
  ...([1, 4] as const).map((result): Case => ({
    title: `a request behind headers that return ${result} is not read over the limit`,
    shown: NO_PIECES,
    play: async (place) => {
      const stream = await place.request(`request_headers: return ${result};poked: continue 0`, { protocol, end: false });
      await tooMuch(stream, "request");
      for (let i = 0; i < WAITING; i++) await stream.send(CHUNK);
      await stream.finish();
      await poke(place);
    },
  })),
  {
    title: "a request over the limit behind headers that return StopAllIterationAndBuffer is answered with 413",
    play: async ({ request }) => {
      const stream = await request("request_headers: return 3", { protocol, end: false });
      await tooMuch(stream, "request");
    },
  },
  {
    title: "a response over the limit behind headers that return StopAllIterationAndBuffer becomes a 500",
    play: async ({ request }) => {
      const stream = await request("response_headers: return 3", { protocol });
      await stream.answer(OK, false);
      await tooMuch(stream, "response");
    },
  },
  {
    title: "a response behind headers that return 1 is not read over the limit",
    shown: NO_PIECES,
    play: async (place) => {
      const stream = await place.request("response_headers: return 1;poked: continue 1", { protocol });
      await stream.answer(OK, false);
      await tooMuch(stream, "response");
      for (let i = 0; i < WAITING; i++) await stream.answerData(CHUNK);
      await stream.answerEnd();
      await poke(place);
    },
  },
  {
    title: "StopIterationAndBuffer behind StopIterationAndWatermark over the limit answers nothing",
    play: async (place) => {
      const stream = await place.request("request_body_more: return 2;poked: continue 0;request_body#6: return 1", {
        protocol,
        end: false,
      });
      await tooMuch(stream, "request");
      await stream.finish();
      await poke(place);
    },
  },
  {
    title: "a response is not read to its end while the client does not read",
    shown: NO_PIECES,
    play: async ({ request, together }) => {
      const stream = await request("response_body_end: log 2 ends", { protocol });
      await stream.answer(OK, false);
      await stream.stopReading("client");
      await together(async () => {
        for (let i = 0; i < MANY; i++) await stream.answerData(CHUNK);
        await stream.answerEnd();
      });
      await stream.readOn("client");
    },
  },
  {
    title: "a request is not read to its end while the upstream does not read",
    shown: NO_PIECES,
    play: async ({ request, together }) => {
      const stream = await request("request_body_end: log 2 ends", { protocol, end: false });
      await stream.stopReading("upstream");
      await together(async () => {
        for (let i = 0; i < MANY; i++) await stream.send(CHUNK);
        await stream.finish();
      });
      await stream.readOn("upstream");
      await stream.answer();
    },
  },
];

/** A stream of HTTP/1.1 is over for the filters when all of it waits for the connection. */
const readToItsEnd: Case = {
  title: "over HTTP/1.1: a response that was read to its end when the client has not",
  upstream: "http/1.1",
  shown: NO_PIECES,
  play: async ({ request, together }) => {
    const stream = await request(undefined, { protocol: "http/1.1" });
    await stream.answer(OK, false);
    await stream.stopReading("client");
    await together(async () => {
      for (let i = 0; i < 5; i++) await stream.answerData(CHUNK);
      await stream.answerEnd();
    });
    await stream.readOn("client");
  },
};

/** What a client speaks, and its upstream. */
const OTHERS = [
  ["http/1.1", "http/1.1", "over HTTP/1.1"],
  ["http/1.1", "h2", "over HTTP/1.1 to HTTP/2"],
  ["h2", "http/1.1", "over HTTP/2 to HTTP/1.1"],
] as const;

export const backpressure: readonly Case[] = [
  ...cases("h2", "h2"),
  readToItsEnd,
  ...OTHERS.flatMap(([protocol, upstream, name]) =>
    cases(protocol, upstream).map((one): Case => ({ ...one, title: `${name}: ${one.title}`, upstream })),
  ),
].map((one) => ({ ...one, limited: true }));
