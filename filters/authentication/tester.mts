import { type KeyObject, sign as signBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, expect } from "vitest";
import { Host, ManualClock, type PluginHandle } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { ALGORITHMS, FUTURE, ISSUER, keySet, sign, type SigningKey, signingKey } from "./tokens.mts";

// The filter in a host of its own for each test, and requests to it.

let module: string;
export let host: Host;
export let plugin: PluginHandle;
export let clock: ManualClock;
export let keys: ReadonlyMap<string, SigningKey>;
export let token: string;

export const GOOD = readFileSync(join(import.meta.dirname, "examples/config.json"), "utf8");

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
  keys = new Map(await Promise.all(ALGORITHMS.map(async (alg) => [alg, await signingKey(alg)] as const)));
  token = await sign(key("RS256"));
}, 120_000);

beforeEach(() => {
  clock = new ManualClock();
  host = new Host({ clock, instances: { canary: false, mainThread: false, workers: 1 } });
});

export function key(alg: string): SigningKey {
  const found = keys.get(alg);
  if (found === undefined) throw new Error(`no key for ${alg}`);
  return found;
}

export const rule = (fields: object = {}) => ({ issuer: ISSUER, jwks: keySet(...keys.values()), ...fields });

export function load(configuration: unknown = { jwtRules: [rule()], required: true }): void {
  plugin = host.load({ name: "authentication", module, configuration });
}

/** The same on a host that verifies no signatures, as those that are not Envoy. */
export function loadWithoutForeignFunctions(configuration: unknown): void {
  const { capabilities } = JSON.parse(readFileSync(join(import.meta.dirname, "manifest.json"), "utf8")) as { capabilities: string[] };
  const callbacks = WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(module))).map(({ name }) => name);
  const allowedCapabilities = [...callbacks, ...capabilities.filter((name) => name !== "proxy_call_foreign_function")];
  plugin = host.load({ name: "authentication", module, configuration, allowedCapabilities });
}

/** What became of a request: `forwarded`, or the details of the refusal. Straight into the module, without Envoy's codecs. */
export function send(headers: ReadonlyArray<readonly [string, string]>, path = "/"): string {
  const stream = host.chain([plugin]).openStream();
  stream.sendHeaders([[":method", "GET"], [":path", path], [":authority", "a.org"], ...headers]);
  const outcome = stream.state === "forwarded" ? "forwarded" : (stream.details ?? stream.state);
  if (stream.state === "responded") expect([401, 403]).toContain(stream.response?.status);
  stream.disconnect();
  return outcome;
}

export const bearer = (value: string) => [["authorization", `Bearer ${value}`]] as const;
export const encode = (value: string | object) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A token with exactly this header and payload, signed as RS256 by a key that is trusted: what is refused is refused for what it says. */
export function raw(header: string | object, payload: string | object, privateKey = key("RS256").privateKey as KeyObject): string {
  const message = `${encode(header)}.${encode(payload)}`;
  return `${message}.${signBytes("sha256", Buffer.from(message), privateKey).toString("base64url")}`;
}

export const HEADER = { alg: "RS256", kid: "RS256" };
export const PAYLOAD = { iss: ISSUER, sub: "ann", exp: FUTURE };
export const parts = (value: string) => value.split(".") as [string, string, string];
