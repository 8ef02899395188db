import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { HEALTH, type HealthEntry } from "./health.ts";
import { State } from "./index.ts";

const ENTRIES: readonly HealthEntry[] = [
  { token: "of-the-mesh", since: 2 },
  { token: "of-an-older-service" },
  { service: "reviews", port: 80, address: "10.0.0.1:8080", state: "out", since: 1, until: 30_001, times: 1 },
  {
    service: "reviews",
    port: 80,
    address: "10.0.0.2:8080",
    state: "back",
    since: 1,
    until: 2,
    times: 1,
    reason: "3 of 5 callers find it bad",
  },
];

test("who is out is there again, and the token; what is broken is not", async () => {
  const directory = mkdtempSync(join(tmpdir(), "meshwright-health-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  {
    await using state = new State(directory, { warn: expect.unreachable });
    state.health.keep(() => ENTRIES);
  }
  expect(new State(directory, { warn: expect.unreachable }).health.read()).toEqual(ENTRIES);
  const path = join(directory, "health.json");
  writeFileSync(path, readFileSync(path, "utf8").replace("reviews", "ratings"));
  const warnings: string[] = [];
  expect(new State(directory, { warn: (message) => void warnings.push(message) }).health.read()).toEqual([]);
  expect(warnings[0]).toContain("which hosts are out is not known any more");
});

test.each(["[]", "{}", '{"service":"a"}', '{"service":"a","address":"b","port":1,"state":"x","since":1,"until":1,"times":1}'])(
  "%s is no entry",
  (text) => {
    expect(HEALTH.read({ file: "", line: 1, text })).toBeUndefined();
  },
);
