import { expect, test } from "vitest";
import { filterFiles } from "../../filters/index.ts";
import { binaryProvider, envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { cluster, connectionManager, httpWasm, listener, stringValue } from "../../harness/envoy/bootstrap/index.ts";
import { startUpstream } from "../../harness/upstreams/index.ts";

// The in-process host has no upstream to try again, so scenarios cannot see this: Envoy's router must understand what `routing` asks of it.

const POLICY = { attempts: 2, retryOn: "503", perTryTimeout: "0.2s" };

test.for([
  ["an upstream that fails twice is asked three times", 2, 200, 3],
  ["an upstream that always fails is asked three times", Infinity, 503, 3],
] as const)("with retries of `routing`, %s", async ([, failures, status, attempts], context) => {
  await requireTarget(envoyTarget, context);
  let asked = 0;
  await using upstream = await startUpstream({ script: () => ({ status: asked++ < failures ? 503 : 200 }) });
  const { module } = filterFiles("routing");
  const routing = httpWasm({
    name: "routing",
    vm_config: { vm_id: "routing", runtime: "envoy.wasm.runtime.v8", code: { local: { filename: module } } },
    failure_policy: "FAIL_CLOSED",
    configuration: stringValue(JSON.stringify({ rules: [{ name: "retry", route: "v1", retries: POLICY }] })),
  });
  const host = { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "upstream" } }] };
  await using envoy = await binaryProvider.start({
    static_resources: {
      listeners: [listener("main", [{ filters: [connectionManager({ stat_prefix: "main" }, [routing], [host])] }])],
      clusters: [cluster("upstream", upstream.host, upstream.port)],
    },
  });
  const answer = await fetch(`http://127.0.0.1:${envoy.address("main").port}/`);
  expect(answer.status).toBe(status);
  expect(upstream.requests).toHaveLength(attempts);
});
