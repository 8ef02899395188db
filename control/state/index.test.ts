import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { objectKey } from "../model/index.ts";
import { ObjectStore } from "../model/objects/index.ts";
import { boxText, change, kinds } from "../model/objects/testing.ts";
import { State } from "./index.ts";
import { failingFiles, type Operation } from "./testing/failing-files.ts";

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), "meshwright-state-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Keeps what a store has, and reads it into another. */
async function keep(directory: string, store: ObjectStore, warn: (message: string) => void = expect.unreachable): Promise<void> {
  await using state = new State(directory, { warn });
  state.keep(() => store.objects.values());
}

function restore(directory: string, warn: (message: string) => void = expect.unreachable): ObjectStore {
  const store = new ObjectStore(kinds);
  store.apply({ files: new State(directory, { warn }).read(), complete: false });
  return store;
}

function storeOf(files: Readonly<Record<string, string>>): ObjectStore {
  const store = new ObjectStore(kinds);
  store.apply(change(files, true));
  return store;
}

const TWO = { "a.yaml": `# first\n${boxText("one")}---\n${boxText("two")}`, "b.yaml": boxText("three") };

test("what was accepted is there again, with its places", async () => {
  const directory = temporary();
  const store = storeOf(TWO);
  await keep(directory, store);
  const restored = restore(directory);
  expect([...restored.objects.keys()].sort()).toEqual(["Box/default/one", "Box/default/three", "Box/default/two"]);
  for (const [key, object] of store.objects)
    expect(restored.objects.get(key)?.place(["spec", "hosts", 0])).toEqual(object.place(["spec", "hosts", 0]));
});

test("a restart with the same files changes nothing, one with a broken file serves what was good, and what is gone is gone", async () => {
  const directory = temporary();
  await keep(directory, storeOf(TWO));
  const same = restore(directory);
  expect(same.apply(change(TWO, true))).toMatchObject({ upserted: [], removed: [] });
  const broken = restore(directory);
  const { upserted, removed } = broken.apply(change({ "a.yaml": "kind: [" }, true));
  expect([upserted, removed.map(objectKey)]).toEqual([[], ["Box/default/three"]]);
});

test("of a List only what was accepted", async () => {
  const directory = temporary();
  const item = (name: string, spec: string) =>
    JSON.stringify({ apiVersion: "networking.istio.io/v1", kind: "Box", metadata: { name }, spec: JSON.parse(spec) as unknown });
  const list = `apiVersion: v1\nkind: List\nitems: [${item("one", '{"hosts": ["a"]}')}, ${item("bad", "{}")}, ${item("two", '{"hosts": ["b"]}')}]\n`;
  await keep(directory, storeOf({ "a.yaml": list }));
  const restored = restore(directory);
  expect([...restored.objects.keys()]).toEqual(["Box/default/one", "Box/default/two"]);
  expect(restored.problems()).toEqual([]);
});

test("no state is no problem", () => {
  expect(restore(temporary()).objects.size).toBe(0);
});

test.each<[string, (content: string) => string, string]>([
  ["cut off", (content) => content.slice(0, -20), "damaged"],
  ["with one bit turned", (content) => content.replace("three", "thref"), "damaged"],
  ["empty", () => "", "is no state of meshwright"],
  ["of something else", () => '{"a": 1}\n', "is no state of meshwright"],
  ["of a later version", (content) => content.replace('"version":1', '"version":2'), "is of version 2; 1 is read"],
])("a file %s is reported and not used", async (_, damage, reason) => {
  const directory = temporary();
  await keep(directory, storeOf(TWO));
  const file = join(directory, "objects.json");
  writeFileSync(file, damage(readFileSync(file, "utf8")));
  const warnings: string[] = [];
  expect(restore(directory, (message) => warnings.push(message)).objects.size).toBe(0);
  expect(warnings).toEqual([expect.stringContaining(reason)]);
});

test("where nothing can be written there is one warning, and what was kept stays", async () => {
  const directory = temporary();
  await keep(directory, storeOf(TWO));
  const file = join(directory, "none/objects.json");
  const warnings: string[] = [];
  writeFileSync(join(directory, "none"), "a file where the directory should be");
  await keep(join(directory, "none"), storeOf(TWO), (message) => warnings.push(message));
  expect(warnings).toHaveLength(1);
  expect(() => statSync(file)).toThrow();
});

test("a full disk: a warning, and the old state stays", async () => {
  const directory = temporary();
  await keep(directory, storeOf(TWO));
  const before = readFileSync(join(directory, "objects.json"), "utf8");
  // The file beside it is a device that is always full.
  const { symlinkSync } = await import("node:fs");
  symlinkSync("/dev/full", join(directory, "objects.json.new"));
  const warnings: string[] = [];
  await keep(directory, storeOf({ "a.yaml": boxText("other") }), (message) => warnings.push(message));
  expect(warnings).toEqual([expect.stringContaining("ENOSPC")]);
  expect(readFileSync(join(directory, "objects.json"), "utf8")).toBe(before);
});

/** A disk that has more to do makes each wait the longer for the next. */
const PATIENT = { timeout: 20_000 };

describe("what the file system refuses", () => {
  test.each<[string, Operation]>([
    ["ENOSPC", "mkdir"],
    ["ENOSPC", "open"],
    ["ENOSPC", "write"],
    ["ENOSPC", "rename"],
    ["EDQUOT", "write"],
    ["EIO", "sync"],
    ["EROFS", "open"],
    ["EACCES", "open"],
  ])(
    "%s at %s: one warning; the old state stays, and the new one is kept as soon as it can be, without another change",
    async (code, operation) => {
      const directory = temporary();
      await keep(directory, storeOf(TWO));
      const file = join(directory, "objects.json");
      const before = readFileSync(file, "utf8");
      const told: string[] = [];
      const tell = (message: string) => void told.push(message);
      let attempts = 0;
      let refuses = true;
      const files = failingFiles(code, operation, () => {
        attempts += 1;
        return refuses;
      });
      {
        await using state = new State(directory, { warn: tell, info: tell, files, interval: 1, retry: 5 });
        const store = storeOf({ "a.yaml": boxText("other") });
        state.keep(() => store.objects.values());
        await expect.poll(() => attempts, PATIENT).toBeGreaterThan(2);
        expect(told).toEqual([expect.stringContaining(`the service goes on without: ${code}`)]);
        expect(readFileSync(file, "utf8")).toBe(before);
        refuses = false;
        await expect.poll(() => told.slice(1), PATIENT).toEqual(["the state is kept again"]);
      }
      expect([...restore(directory).objects.keys()]).toEqual(["Box/default/other"]);
      expect(readdirSync(directory)).toEqual(["objects.json"]);
    },
  );

  test("a state that may not be read is told of, and not used", async () => {
    const directory = temporary();
    mkdirSync(join(directory, "objects.json"));
    const warnings: string[] = [];
    expect(restore(directory, (message) => warnings.push(message)).objects.size).toBe(0);
    expect(warnings).toEqual([expect.stringContaining("EISDIR")]);
  });
});

test("killed at any moment, the state is whole: all of one change, the last or the one before", async () => {
  const directory = temporary();
  const writer = fileURLToPath(new URL("testing/writer.ts", import.meta.url));
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, [writer, directory], { stdio: ["ignore", "pipe", "inherit"] });
    let last = -1;
    child.stdout.on("data", (bytes: Buffer) => (last = Number(bytes.toString().trimEnd().split("\n").at(-1))));
    await once(child.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 50));
    child.kill("SIGKILL");
    await once(child, "close");
    const { objects } = restore(directory);
    expect(objects.size).toBe(200);
    const versions = new Set([...objects.values()].map(({ spec }) => (spec as { readonly hosts: readonly string[] }).hosts[0]));
    expect(versions.size).toBe(1);
    expect([`v${last}`, `v${last + 1}`]).toContain([...versions][0]);
  }
});
