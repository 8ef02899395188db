import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Peer } from "../model/index.ts";
import { State } from "./index.ts";

const peer: Peer = {
  id: "sidecar~10.0.0.1~app.default~default.svc.cluster.local",
  namespace: "default",
  serviceAccount: "app",
  labels: { app: "app" },
  addresses: ["10.0.0.1"],
  identity: true,
  redirected: true,
};

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), "meshwright-peers-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function keep(directory: string, peers: readonly Peer[]): Promise<void> {
  await using state = new State(directory, { warn: expect.unreachable });
  state.peers.keep(() => peers);
}

test("what proxies told is there again", async () => {
  const directory = temporary();
  await keep(directory, [peer]);
  expect(new State(directory, { warn: expect.unreachable }).peers.read()).toEqual([peer]);
  expect(statSync(join(directory, "proxies.json")).mode & 0o777).toBe(0o600);
  await keep(directory, []);
  expect(new State(directory, { warn: expect.unreachable }).peers.read()).toEqual([]);
});

test("where nothing was kept, nothing is known", () => {
  expect(new State(temporary(), { warn: expect.unreachable }).peers.read()).toEqual([]);
});

test("what is damaged is not used, and said", () => {
  const directory = temporary();
  writeFileSync(join(directory, "proxies.json"), "{}\n[]\n");
  const warnings: string[] = [];
  expect(new State(directory, { warn: (message) => warnings.push(message) }).peers.read()).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining("is no state of meshwright")]);
});

test("an entry that is no proxy is left out", async () => {
  const directory = temporary();
  await keep(directory, [peer, { ...peer, id: "other", identity: "yes" as unknown as boolean }]);
  expect(new State(directory, { warn: expect.unreachable }).peers.read()).toEqual([peer]);
});
