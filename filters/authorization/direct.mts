import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, expect } from "vitest";
import { Host, HostError, ManualClock, type PluginHandle } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { checkResponse } from "../testing/ext-authz.ts";

// What the tests share that call the module directly, each test in a host of its own.

let module: string;
export let host: Host;
export let plugin: PluginHandle;

export const GOOD = readFileSync(join(import.meta.dirname, "examples/config.json"), "utf8");

/** To be called once in a file of tests. */
export function useModule(): void {
  beforeAll(async () => {
    module = await compileFilter(join(import.meta.dirname, "index.ts"));
  });
  beforeEach(() => {
    host = new Host({ clock: new ManualClock(), instances: { canary: false, mainThread: false, workers: 1 } });
    host.clusters.set("portal", { http: () => ({ status: 200 }), grpc: () => ({ message: checkResponse({ code: 0 }) }) });
    plugin = host.load({ name: "authorization", module, configuration: GOOD });
  });
}

export interface Attack {
  readonly path?: string | undefined;
  readonly method?: string;
  readonly authority?: string;
  readonly headers?: ReadonlyArray<readonly [string, string]>;
  readonly principal?: string;
  readonly source?: string;
  readonly authentication?: string;
}

/** The local response's status, or 200 where the request went on. Straight into the module, without what Envoy's codecs would have refused. */
export function decided(attack: Attack = {}): number {
  const { method = "GET", authority = "localhost", headers = [], principal, source = "10.1.2.3:4000", authentication } = attack;
  const path = "path" in attack ? attack.path : "/admin";
  const stream = host.chain([plugin]).openStream({
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
  const status = stream.state === "forwarded" ? 200 : (stream.response?.status ?? 0);
  stream.disconnect();
  return status;
}

/** Gives the live plugin a new configuration: taken, or refused in one line with a place while the one before goes on. Returns the line. */
export function update(configuration: string | Uint8Array): string | undefined {
  const before = decided();
  const first = host.logs.lines.length;
  try {
    plugin.update(configuration);
    return undefined;
  } catch (error) {
    expect(HostError.from(error).code).toBe("configuration-refused");
    const lines = host.logs.lines.slice(first).filter(({ level }) => level !== "debug");
    const refusals = lines.filter(({ message }) => /^configuration of authorization refused: .* \(line \d+, column \d+\)/s.test(message));
    expect(refusals, lines.map(({ message }) => message).join("\n")).toHaveLength(1);
    expect(refusals[0]?.message).not.toMatch(/[\r\n]/);
    expect(decided()).toBe(before);
    return refusals[0]?.message;
  }
}

/** Asks an authoriser that allows everything. */
export const CUSTOM = ({ http }: { readonly http: boolean }) =>
  JSON.stringify({
    extensionProviders: [
      {
        name: "p",
        ...(http
          ? { envoyExtAuthzHttp: { cluster: "portal", includeRequestHeadersInCheck: ["x-h"] } }
          : { envoyExtAuthzGrpc: { cluster: "portal" } }),
      },
    ],
    policies: [{ name: "c", action: "CUSTOM", provider: { name: "p" }, rules: [{}] }],
  });
