import type { Case } from "../step.ts";
import { OK } from "./common.ts";

const configuration = (name: string) =>
  [
    "trace: on",
    `request_headers: add 0 x-config ${name}`,
    `response_headers: add 2 x-config ${name}`,
    `log: log 2 ${name} logs`,
    `root_done: log 2 ${name} is done`,
  ].join("\n");
const [A, B] = [configuration("a"), configuration("b")];

/** Configurations that are replaced while streams live. */
export const updates: readonly Case[] = [
  {
    title: "a new configuration serves new streams, and the old root ends at once where it has none",
    updated: true,
    filters: [{ script: A }],
    play: async ({ request, update }) => {
      const before = await request();
      await before.answer();
      await update(B);
      const after = await request();
      await after.answer();
      await update(A);
      const again = await request();
      await again.answer();
    },
  },
  {
    title: "streams that live keep the old configuration, and its root ends with the last of them",
    updated: true,
    filters: [{ script: A, vmConfiguration: "live" }],
    play: async ({ request, update }) => {
      const first = await request(undefined, { end: false });
      const second = await request();
      await second.answer(OK, false);
      await update(B);
      const third = await request();
      await first.send("one");
      await first.finish();
      await first.answer(OK, false);
      await first.answerData("three");
      await second.answerData("three");
      await second.answerEnd();
      await third.answer();
      await first.answerEnd();
    },
  },
  {
    title: "a configuration that is refused leaves the old one serving",
    updated: true,
    filters: [{ script: A, vmConfiguration: "refused" }],
    play: async ({ request, update }) => {
      await update(`${B}\nconfigure: return 0`);
      const after = await request();
      await after.answer();
    },
  },
  {
    title: "a configuration in which on_configure traps",
    updated: true,
    filters: [{ script: A, vmConfiguration: "traps" }],
    play: async ({ request, update }) => {
      const live = await request();
      await update(`${B}\nconfigure: trap`);
      await live.answer();
      const after = await request();
      await after.answer();
    },
  },
  {
    title: "an old root that wants to live on ends when it says so",
    updated: true,
    filters: [{ script: `${A}\nroot_done: return 0\nroot_done: tick 20\ntick: tick 0\ntick: done`, vmConfiguration: "lives on" }],
    play: async ({ update, pass, together, request }) => {
      await together(async () => {
        await update(B);
        await pass(60);
      });
      const after = await request();
      await after.answer();
    },
  },
  {
    title: "ticks of an old root go on while a stream of it lives",
    updated: true,
    filters: [
      {
        script: `${A}\nrequest_headers: return 1\ntick: tick 0\ntick: effective\ntick: continue 0\nroot_done: log 2 late`,
        vmConfiguration: "ticks",
      },
    ],
    play: async ({ request, update, pass, together }) => {
      const stream = await request("poked: tick 20");
      await update(B);
      await together(async () => {
        await request("request_headers: poke");
        await pass(60);
      });
      await stream.answer();
    },
  },
];
