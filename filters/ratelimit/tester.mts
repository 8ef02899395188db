import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach } from "vitest";
import { Host, type HttpStream, ManualClock, type PluginHandle } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";

// The filter in a host of its own with two workers for each test, and requests to it.

export let module: string;
export let host: Host;
export let plugin: PluginHandle;
export let clock: ManualClock;

export const GOOD = readFileSync(join(import.meta.dirname, "examples/config.json"), "utf8");

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
}, 120_000);

beforeEach(() => {
  clock = new ManualClock();
  host = new Host({ clock, logLevel: "debug", instances: { canary: false, mainThread: false, workers: 2 } });
});

export function load(configuration: unknown): void {
  plugin = host.load({ name: "ratelimit", module, configuration });
}

/** One limit of `maxTokens` that come one in an hour, if nothing else is said. */
export const limit = (fields: object = {}, maxTokens = 1) => ({
  name: "limit",
  tokenBucket: { maxTokens, fillInterval: "1h" },
  ...fields,
});
export const limits = (...list: readonly object[]) => ({ limits: list.map((fields, i) => limit({ name: `limit-${i}`, ...fields })) });

export interface Asked {
  readonly path?: string | undefined;
  readonly method?: string;
  readonly authority?: string;
  readonly headers?: ReadonlyArray<readonly [string, string]>;
  readonly principal?: string;
  readonly source?: string;
  /** What the filter `authentication` hands over. */
  readonly authentication?: string;
  readonly worker?: number;
}

/** Straight into the module, without what Envoy's codecs would have refused or normalised. */
export function open(asked: Asked = {}): HttpStream {
  const { method = "GET", authority = "localhost", headers = [], principal, source = "192.0.2.1:4000", authentication, worker = 0 } = asked;
  const path = "path" in asked ? asked.path : "/";
  const stream = host.chain([plugin], { worker: host.workers[worker] ?? host.worker }).openStream({
    connection: {
      sourceAddress: source,
      ...(principal !== undefined && { mtls: true, certificate: { uri_san_peer_certificate: principal } }),
    },
  });
  if (authentication !== undefined)
    stream.info.filterState.set("wasm.meshwright.authentication", { value: authentication, readonly: false });
  const pseudo: Array<readonly [string, string]> = [
    [":method", method],
    [":authority", authority],
  ];
  if (path !== undefined) pseudo.push([":scheme", "http"], [":path", path]);
  stream.sendHeaders([...pseudo, ...headers], true);
  return stream;
}

/** The details of the answer, or `passed` where the request went on. */
export function send(asked: Asked = {}): string {
  const stream = open(asked);
  const outcome = stream.state === "forwarded" ? "passed" : (stream.info.responseCodeDetails ?? stream.state);
  stream.disconnect();
  return outcome;
}

/** How many of `count` such requests pass. */
export function passing(count: number, asked: Asked = {}): number {
  let passed = 0;
  for (let i = 0; i < count; i++) if (send(asked) === "passed") passed++;
  return passed;
}

/** The answer of a request that is limited. */
export function refusal(asked: Asked = {}): {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly details: string;
} {
  const stream = open(asked);
  const { response } = stream;
  if (response === undefined) throw new Error(`not refused: the stream is ${stream.state}`);
  return { status: response.status, headers: Object.fromEntries(response.headers), details: stream.info.responseCodeDetails ?? "" };
}
