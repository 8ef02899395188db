import type { Case, CaseFilter } from "../step.ts";

const TRACED = "trace: on\ndownstream_data: body 2 0 99\nupstream_data: body 3 0 99";

function script(lines: string, more: CaseFilter = {}): readonly CaseFilter[] {
  return [{ script: `${TRACED}\n${lines}`, ...more }];
}

/** Data both ways, then the ends of both sides. */
const PLAY: Case["play"] = async ({ connect }) => {
  const connection = await connect();
  await connection.send("one");
  await connection.receive("two");
  await connection.send("three");
  await connection.finish();
  await connection.receive("four");
  await connection.receiveEnd();
};

const DATA_AND_ENDS = ["new_connection", "downstream_data", "upstream_data", "downstream_close", "upstream_close"];

const CALLS = [
  ["close_stream of downstream", "close 2"],
  ["close_stream of upstream", "close 3"],
  ["send_local_response", "respond 403 why body -1"],
] as const;

/** TCP connections: data, ends, pauses, closes. */
export const tcp: readonly Case[] = [
  { title: "data both ways; the client ends first", listener: "tcp", filters: script(""), play: PLAY },
  {
    title: "the server ends first",
    listener: "tcp",
    filters: script(""),
    play: async ({ connect }) => {
      const connection = await connect();
      await connection.send("one");
      await connection.receive("two");
      await connection.receiveEnd();
      await connection.send("three");
      await connection.finish();
    },
  },
  {
    title: "the client resets",
    listener: "tcp",
    filters: script(""),
    play: async ({ connect }) => {
      const connection = await connect();
      await connection.send("one");
      await connection.leave();
    },
  },
  ...[...DATA_AND_ENDS, "create", "done", "log", "delete"].flatMap((callback) =>
    CALLS.map(([title, line]): Case => ({
      title: `${title} in ${callback}`,
      listener: "tcp",
      filters: script(`${callback}: ${line}`),
      play: PLAY,
    })),
  ),
  ...DATA_AND_ENDS.flatMap((callback) => [
    ...(["FAIL_CLOSED", "FAIL_OPEN"] as const).map((failurePolicy): Case => ({
      title: `${failurePolicy}: a trap in ${callback}, and the next connection`,
      listener: "tcp",
      filters: script(`${callback}: trap`, { failurePolicy }),
      play: async (place) => {
        await PLAY(place);
        await PLAY(place);
      },
    })),
  ]),
  ...["downstream_data", "upstream_data"].map((callback): Case => ({
    title: `${callback} that is stopped once`,
    listener: "tcp",
    filters: script(`${callback}#1: return 1`),
    play: PLAY,
  })),
  {
    title: "data that is stopped is not read over the limit",
    listener: "tcp",
    limited: true,
    filters: script("downstream_data: return 1"),
    play: async ({ connect }) => {
      const connection = await connect();
      for (let i = 0; i < 10; i++) await connection.send("x".repeat(16_000));
      await connection.finish();
    },
  },
  {
    title: "data that is changed",
    listener: "tcp",
    filters: script("downstream_data: setbody 2 0 1 X\nupstream_data: setbody 3 0 1 Y"),
    play: PLAY,
  },
  {
    title: "a new connection that is paused until a tick",
    listener: "tcp",
    filters: script("new_connection: return 1\nnew_connection: tick 20\ntick: tick 0\ntick: effective\ntick: continue 2"),
    play: async ({ connect, pass, together }) => {
      let connection: Awaited<ReturnType<typeof connect>> | undefined;
      await together(async () => {
        connection = await connect();
        await pass(60);
      });
      await connection?.send("one");
      await connection?.receive("two");
    },
  },
  {
    title: "data that is paused until a tick",
    listener: "tcp",
    filters: script("downstream_data: return 1\ndownstream_data: tick 20\ntick: tick 0\ntick: effective\ntick: continue 2"),
    play: async ({ connect, pass, together }) => {
      const connection = await connect();
      await together(async () => {
        await connection.send("one");
        await pass(60);
      });
      await connection.receive("two");
    },
  },
];
