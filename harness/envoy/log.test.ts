import { expect, test } from "vitest";
import { EnvoyLog, type Entry } from "./log.ts";

const line = (level: string, component: string, message: string) =>
  `{"time":1.5,"level":"${level}","component":"${component}","message":"${message}"}\n`;

test("application and access log keep their order, in whatever pieces they come", () => {
  const text = `${line("info", "wasm", "first")}{"port":"1"}\n${line("debug", "wasm", "second \\\\n line")}`;
  for (const size of [1, 7, 1_000]) {
    const log = new EnvoyLog();
    const seen: Entry[] = [];
    log.subscribe((entry) => seen.push(entry));
    for (let at = 0; at < text.length; at += size) log.push(text.slice(at, at + size));
    expect(seen.map((entry) => (entry.kind === "log" ? entry.message : entry.fields))).toEqual(["first", { port: "1" }, "second \\n line"]);
    expect(log.entries).toEqual(seen);
  }
});

test("a line of the access log may be torn anywhere, by lines of the other", () => {
  const access = '{"port":"1","route":"a"}';
  const others = `${line("info", "lua", "first")}${line("info", "lua", "second")}`;
  for (let at = 1; at <= access.length; at++) {
    const log = new EnvoyLog();
    log.push(`{"port":"0"}\n${access.slice(0, at)}${others}${access.slice(at)}\n{"port":"2"}\n`);
    const messages = log.entries.flatMap((entry) => (entry.kind === "log" ? [entry.message] : []));
    const entries = log.entries.flatMap((entry) => (entry.kind === "access" ? [entry.fields] : []));
    expect({ at, messages, entries }).toEqual({
      at,
      messages: ["first", "second"],
      entries: [{ port: "0" }, { port: "1", route: "a" }, { port: "2" }],
    });
  }
});

test("an incomplete last line waits for its rest", () => {
  const log = new EnvoyLog();
  log.push('{"time":1,"level":"info","component":"main","message":"a');
  expect(log.entries).toEqual([]);
  log.push('b"}\n');
  expect(log.lines()).toEqual(["[info][main] ab"]);
});

test("what Envoy writes without its logger is an error", () => {
  const log = new EnvoyLog();
  log.push("PARSE ERROR: Argument: --nope\n");
  expect(log.lines()).toEqual(["[error][stderr] PARSE ERROR: Argument: --nope"]);
});

test("the reason of an end is the first error, and the last where that says more", () => {
  const log = new EnvoyLog();
  expect(log.reason()).toBeUndefined();
  log.push(line("warning", "main", "not this"));
  log.push(line("error", "wasm", "configuration refused"));
  log.push(line("critical", "main", "error initializing"));
  expect(log.reason()).toBe("configuration refused (error initializing)");
});

test("an Envoy without V8 is named as the reason", () => {
  const log = new EnvoyLog();
  const warning = "Failed to create Wasm VM using envoy.wasm.runtime.v8 runtime. Envoy was compiled without support for it";
  log.push(line("warning", "wasm", warning));
  log.push(line("error", "wasm", "Wasm VM failed Failed to load Wasm code"));
  expect(log.reason()).toMatch(/^this Envoy was compiled without V8/);
});

test("who no longer subscribes is told nothing", () => {
  const log = new EnvoyLog();
  const seen: Entry[] = [];
  const end = log.subscribe((entry) => seen.push(entry));
  end();
  log.push(line("info", "main", "late"));
  expect(seen).toEqual([]);
});

test("the last line needs no line break once nothing follows", () => {
  const log = new EnvoyLog();
  log.push("Aborted (core dumped)");
  expect(log.lines()).toEqual([]);
  log.end();
  log.end();
  expect(log.lines()).toEqual(["[error][stderr] Aborted (core dumped)"]);
});

test.each(["12", '"text"', "true", "null"])("%s is no access log entry", (text) => {
  const log = new EnvoyLog();
  log.push(`${text}\n`);
  expect(log.lines()).toEqual([`[error][stderr] ${text}`]);
});

test("of a log that grows and grows the last entries are kept", () => {
  const log = new EnvoyLog();
  let seen = 0;
  log.subscribe(() => seen++);
  for (let i = 0; i < 130_000; i++) log.push(line("info", "wasm", `line ${i}`));
  expect(seen).toBe(130_000);
  expect(log.entries.length).toBeGreaterThanOrEqual(50_000);
  expect(log.entries.length).toBeLessThanOrEqual(100_000);
  expect(log.lines().at(-1)).toBe("[info][wasm] line 129999");
});

test("an entry that a listener keeps is not kept twice; others hear of it all the same", () => {
  const log = new EnvoyLog();
  const seen: Entry[] = [];
  log.subscribe((entry) => entry.kind === "access");
  log.subscribe((entry) => {
    seen.push(entry);
  });
  log.push('{"port":"1"}\n{"time":1,"level":"info","component":"wasm","message":"a"}\n');
  expect(seen.map(({ kind }) => kind)).toEqual(["access", "log"]);
  expect(log.entries.map(({ kind }) => kind)).toEqual(["log"]);
});
