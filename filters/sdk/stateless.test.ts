import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Host, ManualClock, type PluginHandle } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";

// A module that keeps nothing per stream, and so is not told when a context ends.

let module: string;
let clock: ManualClock;
let host: Host;
let plugin: PluginHandle;

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "testing/stateless/index.ts"));
}, 120_000);

beforeEach(() => {
  clock = new ManualClock();
  host = new Host({ clock, instances: { canary: false, mainThread: false, workers: 1 } });
  plugin = host.load({ name: "test", module, configuration: "first" });
});

const begin = (hold?: string, body?: string, by = plugin) =>
  host.chain([by]).request({ path: "/", headers: hold === undefined ? [] : [["x-hold", hold]], ...(body !== undefined && { body }) });
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

test("A configuration that has served its last stream is told so within 256 streams of the next", () => {
  plugin.update("second");
  expect(logged("deleted")).toEqual([]);
  for (let i = 0; i < 256; i++) begin().respond();
  expect(logged("deleted")).toEqual(["first"]);
  const held = begin("a");
  clock.advance(1_000);
  expect(held.requestHeader("x-held")).toBe("a");
});

test("A configuration ticks as long as it has streams, beside those after it", () => {
  const early = begin("a");
  for (let i = 0; i < 3; i++) plugin.update(`${i}`);
  clock.advance(1_000);
  expect(early.requestHeader("x-held")).toBe("a");
  expect(logged("ticked").toSorted()).toEqual(["2", "first"]);
});

describe("Two plugins of one name in one VM", () => {
  let other: PluginHandle;
  beforeEach(() => {
    other = host.load({ name: "test", module, configuration: "other" });
  });
  test("have each their streams, also those that began before many others, and before the other plugin", () => {
    const between = [begin(), begin(undefined, undefined, other)];
    const third = host.load({ name: "test", module, configuration: "third" });
    const streams = [...between, begin(), begin(undefined, undefined, other), begin(undefined, undefined, third)];
    for (let i = 0; i < 10_000; i++) begin(undefined, undefined, i % 2 ? plugin : other).respond();
    for (const stream of streams) stream.respond();
    expect(streams.map((stream) => stream.responseHeader("x-configuration"))).toEqual(["first", "other", "first", "other", "third"]);
  });

  test("tick each by themselves, and one that goes leaves the ticks of the other alone", () => {
    plugin.unload();
    for (let i = 0; i < 256; i++) begin(undefined, undefined, other).respond();
    expect(logged("deleted")).toEqual(["first"]);
    for (let i = 0; i < 3; i++) clock.advance(1_000);
    expect(logged("ticked")).toEqual(["other", "other", "other"]);
  });
});

test("The streams of a plugin are its own when the other has gone and the configuration of a third is refused", () => {
  begin().respond();
  const other = host.load({ name: "test", module, configuration: "other" });
  plugin.unload();
  expect(() => host.load({ name: "test", module, configuration: "refused" })).toThrow("refused");
  expect(logged("deleted")).toEqual(["first"]);
  const stream = begin(undefined, undefined, other);
  stream.respond();
  expect(stream.responseHeader("x-configuration")).toBe("other");
});

test("The streams of a plugin that was alone are its own when it goes and comes again beside another", () => {
  const early = begin();
  const other = host.load({ name: "test", module, configuration: "other" });
  const late = begin(undefined, undefined, other);
  plugin.unload();
  early.respond();
  for (let i = 0; i < 256; i++) begin(undefined, undefined, other).respond();
  expect(logged("deleted")).toEqual(["first"]);
  const alone = begin(undefined, undefined, other);
  const again = host.load({ name: "test", module, configuration: "again" });
  const last = begin(undefined, undefined, again);
  for (const stream of [late, alone, last]) stream.respond();
  expect([early, late, alone, last].map((stream) => stream.responseHeader("x-configuration"))).toEqual([
    "first",
    "other",
    "other",
    "again",
  ]);
});

test(
  "Beside another configuration 65,536 streams have room, one more is refused, and when they have ended there is room again",
  { timeout: 60_000 },
  () => {
    const early = begin();
    const other = host.load({ name: "other", module, configuration: "other" });
    const streams = Array.from({ length: 65_536 }, (_, i) => begin(undefined, undefined, i % 2 ? other : plugin));
    expect(begin().details).toBe("filter_has_no_context");
    const late = streams.at(-1);
    for (const stream of streams) if (stream !== late) stream.disconnect();
    const refused = Array.from({ length: 512 }, () => begin()).filter(({ details }) => details === "filter_has_no_context");
    expect(refused.length).toBeLessThan(256);
    const last = begin();
    for (const stream of [early, late, last]) stream?.respond();
    // That of the first is not known any more, and it is not told apart from one that there was no room for.
    expect([early, late, last].map((stream) => stream?.responseHeader("x-configuration"))).toEqual([undefined, "other", "first"]);
  },
);

test("A configuration is refused where the module may not ask which contexts have ended", async () => {
  const compiled = await WebAssembly.compile(await readFile(module));
  const names = [...WebAssembly.Module.imports(compiled), ...WebAssembly.Module.exports(compiled)].map(({ name }) => name);
  host = new Host({ clock, instances: { canary: false, mainThread: false, workers: 1 } });
  const load = (allowedCapabilities: string[]) => host.load({ name: "test", module, configuration: "first", allowedCapabilities });
  expect(() => load(names.filter((name) => name !== "proxy_set_effective_context"))).toThrow("must be allowed proxy_set_effective_context");
  expect(host.chain([load(names)]).request({ path: "/" }).state).toBe("forwarded");
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

test("A request that is held back stays so when its body comes, and others come by meanwhile", () => {
  host = new Host({ clock, instances: { canary: false, mainThread: false, workers: 1 } });
  plugin = host.load({ name: "test", module, configuration: "first", allowOnHeadersStopIteration: true });
  const held = host.chain([plugin]).openStream();
  held.sendHeaders(
    [
      [":path", "/"],
      ["x-hold", "a"],
    ],
    false,
  );
  held.sendData("a b", false);
  expect([held.state, begin(undefined, "a body").state]).toEqual(["paused", "forwarded"]);
  held.sendData("ody");
  expect(held.state).toBe("paused");
  clock.advance(1_000);
  expect([held.state, held.requestHeader("x-held")]).toEqual(["forwarded", "a"]);
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
