import { join } from "node:path";
import { expect, test } from "vitest";
import { compileFilter } from "../../filters/testing/assembly.ts";
import { binaryProvider, connectionManager, envoyTarget, httpWasm, listener, stringValue } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";

// `authorization` takes an address with port 0 for one out of x-forwarded-for: Envoy must not give it another where it trusts that header.

test.for([
  ["the peer's own address", undefined, 200],
  ["no address", undefined, 403, "10.0.0.0/8"],
  ["an address", "10.0.0.1", 403, "10.0.0.0/8"],
  ["an address with a port", "10.0.0.1:5000", 403, "10.0.0.0/8"],
  ["an IPv6 address", "fd00::1", 403, "fd00::/8"],
  ["an IPv6 address with a port", "[fd00::1]:5000", 403, "fd00::/8"],
  ["several addresses", "203.0.113.1, 10.0.0.1", 403, "10.0.0.0/8"],
] as const)("ipBlocks see the peer, not x-forwarded-for: %s", async ([, forwarded, status, block = "127.0.0.0/8"], context) => {
  await requireTarget(envoyTarget, context);
  const filename = await compileFilter(join(import.meta.dirname, "../../filters/authorization/index.ts"));
  const rules = [{ from: [{ source: { ipBlocks: [block] } }] }];
  const authorization = httpWasm({
    name: "authorization",
    vm_config: { vm_id: "authorization", runtime: "envoy.wasm.runtime.v8", code: { local: { filename } } },
    failure_policy: "FAIL_CLOSED",
    configuration: stringValue(JSON.stringify({ policies: [{ name: "p", rules }] })),
  });
  const host = { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }] };
  const manager = connectionManager({ stat_prefix: "main", use_remote_address: false, normalize_path: true }, [authorization], [host]);
  await using envoy = await binaryProvider.start({
    static_resources: { listeners: [listener("main", [{ filters: [manager] }])], clusters: [] },
  });
  const headers: Record<string, string> = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
  const answer = await fetch(`http://127.0.0.1:${envoy.address("main").port}/`, { headers });
  expect(answer.status).toBe(status);
});
