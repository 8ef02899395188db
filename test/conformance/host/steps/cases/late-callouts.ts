import type { Case, CaseFilter } from "../step.ts";
import { TRACED } from "../step.ts";

/** What comes back when the stream is gone: lines of the root, since those that requests bring along end with them. `effective` is the context of the last stream. */
const BEHIND: CaseFilter = {
  script: `${TRACED}
    http_call_response: get 6 :status
    http_call_response: body 4 0 999
    http_call_response: status
    http_call_response: effective
    http_call_response: prop request.path
    grpc_initial_metadata: get 4 content-type
    grpc_receive: body 5 0 99
    grpc_receive: effective
    grpc_close: status
    tick: effective
    tick: tick 0`,
};

const call = (path: string, cluster = "callout", timeout = 1_000) => `call ${cluster} ${timeout} :path ${path} :method GET :authority a`;

/** What is begun, and the time that it takes. */
const BEGUN: ReadonlyArray<readonly [title: string, lines: readonly string[], wait: number]> = [
  ["an HTTP call", [call("/ok")], 30],
  ["an HTTP call that times out", [call("/slow", "callout", 50)], 150],
  ["an HTTP call to nobody", [call("/ok", "refused")], 30],
  ["an HTTP call to an unknown cluster", [call("/ok", "nope")], 0],
  ["an HTTP call to a cluster without hosts", [call("/ok", "no-hosts")], 0],
  ["two HTTP calls", [call("/ok"), call("/error")], 50],
  ["a gRPC call", ["grpc callout s grpc asked"], 30],
  ["a gRPC call to a cluster without hosts", ["grpc no-hosts s grpc asked"], 0],
  ["a gRPC call that is cancelled", ["grpc callout s grpc asked", "grpccancel"], 30],
  ["a gRPC stream", ["stream callout s grpc", "send 1 asked"], 30],
  ["a gRPC stream that is closed", ["stream callout s grpc", "grpcclose"], 30],
  ["a gRPC stream to a cluster without hosts", ["stream no-hosts s grpc"], 0],
  ["a timer", ["tick 20"], 60],
];

const STAGES = ["log", "done", "delete"] as const;

/** Calls and timers that are begun when a stream ends, and what comes for one that is gone. */
export const lateCallouts: readonly Case[] = [
  ...STAGES.flatMap((stage) =>
    BEGUN.map(([title, lines, wait]): Case => ({
      title: `${title} in ${stage}`,
      filters: [BEHIND],
      play: async ({ request, together, pass }) => {
        const stream = await request(lines.map((line) => `${stage}: ${line}`).join(";"));
        await together(async () => {
          await stream.answer();
          await pass(wait);
        });
      },
    })),
  ),
  ...STAGES.map((stage): Case => ({
    title: `an HTTP call in ${stage} of a stream that the client leaves`,
    filters: [BEHIND],
    play: async ({ request, together, pass }) => {
      const stream = await request(`request_headers: return 1;${stage}: ${call("/ok")}`);
      await together(async () => {
        await stream.leave();
        await pass(50);
      });
    },
  })),
  ...STAGES.map((stage): Case => ({
    title: `an HTTP call in ${stage} of a stream that a local response ends`,
    filters: [BEHIND],
    play: async ({ request, together, pass }) => {
      await together(async () => {
        await request(`request_headers: respond 403 no no 4294967295;${stage}: ${call("/ok")}`);
        await pass(50);
      });
    },
  })),
  {
    title: "on_done of a stream that returns false",
    filters: [BEHIND],
    play: async ({ request, together, pass }) => {
      const stream = await request(`done: return 0;done: ${call("/ok")};delete: done`);
      await together(async () => {
        await stream.answer();
        await pass(50);
      });
    },
  },
  {
    title: "a call in the answer to a call, of a stream that is gone",
    filters: [
      { script: `${TRACED}\nhttp_call_response#1: ${call("/error")}\nhttp_call_response: get 6 :status\nhttp_call_response: effective` },
    ],
    play: async ({ request, together, pass }) => {
      const stream = await request(`log: ${call("/ok")}`);
      await together(async () => {
        await stream.answer();
        await pass(80);
      });
    },
  },
  {
    title: "an answer that sends, closes and goes on where the stream is gone",
    filters: [
      {
        script: `${TRACED}
        http_call_response: continue 0
        http_call_response: continue 1
        http_call_response: close 0
        http_call_response: set 0 x-a 1
        http_call_response: get 0 :path
        http_call_response: respond 403 no no 4294967295`,
      },
    ],
    play: async ({ request, together, pass }) => {
      const stream = await request(`log: ${call("/ok")}`);
      await together(async () => {
        await stream.answer();
        await pass(50);
      });
    },
  },
  {
    title: "a timer that is set when headers come and ticks when the stream is gone",
    filters: [BEHIND],
    play: async ({ request, together, pass }) => {
      await together(async () => {
        const stream = await request("request_headers: tick 40;request_headers: return 1");
        await stream.leave();
        await pass(120);
      });
    },
  },
  {
    title: "calls of two filters, of which the first answers",
    filters: [
      { script: `trace: on\nrequest_headers: respond 403 no no 4294967295\nlog: ${call("/ok")}` },
      { script: `trace: on\ncreate: ${call("/ok")}\nlog: ${call("/error")}` },
    ],
    // Which answer comes first is left to chance.
    shown: /^(?!.*http_call_response)/,
    play: async ({ request, together, pass }) => {
      await together(async () => {
        await request();
        await pass(80);
      });
    },
  },
  {
    title: "a call in on_log whose VM traps before the answer",
    filters: [{ failurePolicy: "FAIL_OPEN" }],
    play: async ({ request, together, pass }) => {
      const stream = await request(`log: ${call("/slow", "callout", 100)}`);
      await stream.answer();
      await together(async () => {
        await request("request_headers: trap");
        await pass(200);
      });
    },
  },
];
