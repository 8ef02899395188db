import { join } from "node:path";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { Host, ManualClock, type PluginHandle, type Timer } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";

// A module that keeps nothing per stream, and so is not told when a context ends.

let module: string;
/** Knows how many timers of the host there are. */
class CountingClock extends ManualClock {
  running = 0;

  override schedule(milliseconds: number, task: () => void): Timer {
    this.running++;
    let isOver = false;
    const end = () => {
      if (!isOver) this.running--;
      isOver = true;
    };
    const timer = super.schedule(milliseconds, () => (end(), task()));
    return { cancel: () => (end(), timer.cancel()) };
  }
}

let clock: CountingClock;
let host: Host;
let plugin: PluginHandle;

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "testing/stateless/index.ts"));
}, 120_000);

beforeEach(() => {
  clock = new CountingClock();
  host = new Host({ clock, instances: { canary: false, mainThread: false, workers: 1 } });
  plugin = host.load({ name: "test", module, configuration: "first" });
});

const begin = (hold?: string, body?: string) =>
  host.chain([plugin]).request({ path: "/", headers: hold === undefined ? [] : [["x-hold", hold]], ...(body !== undefined && { body }) });
const logged = (event: "deleted" | "ticked") =>
  host.logs.lines.flatMap(({ message }) => (message.startsWith(`${event}: `) ? [message.slice(event.length + 2)] : []));

test("A configuration serves the streams that began with it, beside the next", () => {
  const early = begin();
  plugin.update("second");
  const late = begin();
  late.respond();
  early.respond();
  expect([early, late].map((stream) => stream.responseHeader("x-configuration"))).toEqual(["first", "second"]);
});

test("A configuration that has served its last stream is told so with the next", () => {
  const early = begin();
  plugin.update("second");
  plugin.update("third");
  plugin.update("fourth");
  expect(logged("deleted")).toEqual(["second"]);
  early.respond();
  plugin.update("fifth");
  expect(logged("deleted")).toEqual(["second", "third", "first"]);
});

test("A configuration that has served its last stream is told so within 4,096 streams, and what it ends is its own", () => {
  plugin.update("second");
  expect(logged("deleted")).toEqual([]);
  for (let i = 0; i < 4_096; i++) begin().respond();
  expect(logged("deleted")).toEqual(["first"]);
  const held = begin("a");
  clock.advance(1_000);
  expect(held.requestHeader("x-held")).toBe("a");
});

test("A configuration ticks as long as there are streams that began with it, by the ticks of those after it alone", () => {
  const early = begin("a");
  for (let i = 0; i < 100; i++) plugin.update(`${i}`);
  expect(clock.running).toBe(1);
  clock.advance(1_000);
  expect([early.requestHeader("x-held"), clock.running]).toEqual(["a", 1]);
  expect(logged("ticked")).toEqual(["99", "first"]);
});

test("A configuration ticks by itself where the one after it does not", () => {
  const early = begin("a");
  plugin.update("no ticks");
  clock.advance(1_000);
  expect(early.requestHeader("x-held")).toBe("a");
});

test("A plugin that goes leaves the ticks of another in the same VM alone", () => {
  const other = host.load({ name: "other", module, configuration: "no ticks" });
  other.update("other");
  plugin.unload();
  for (let i = 0; i < 4_096; i++) host.chain([other]).request({ path: "/" }).respond();
  expect(logged("deleted").toSorted()).toEqual(["first", "no ticks"]);
  clock.advance(1_000);
  expect(logged("ticked")).toEqual(["other"]);
});

test("More configurations than a VM has room for may come one after the other, and leave memory as it was", () => {
  for (let i = 0; i < 20; i++) plugin.update(`${i}${"x".repeat(10_000)}`);
  const before = plugin.memorySize();
  for (let i = 0; i < 5_000; i++) plugin.update(`${i}${"x".repeat(10_000)}`);
  expect(plugin.memorySize()).toBe(before);
});

test("Requests that are held back keep what is theirs, and others come by meanwhile", () => {
  const held = ["a", "b", "c"].map((value) => begin(value, "a body"));
  held[1]?.disconnect();
  const other = begin();
  expect([held[0]?.state, other.state]).toEqual(["paused", "forwarded"]);
  clock.advance(1_000);
  expect(held.map((stream) => stream.requestHeader("x-held"))).toEqual(["a", undefined, "c"]);
});

test("Requests that were held back leave memory as it was", () => {
  const turn = (count: number) => {
    for (let i = 0; i < count; i++) {
      const held = begin("a");
      if (i % 3 === 0) held.disconnect();
      if (i % 100 === 0) clock.advance(1_000);
    }
  };
  turn(1_000);
  const before = plugin.memorySize();
  turn(20_000);
  expect(plugin.memorySize()).toBe(before);
});
