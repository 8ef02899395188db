import { setTimeout as sleep } from "node:timers/promises";
import type { Script } from "../../../harness/upstreams/index.ts";
import type { ChaosCase } from "../case.ts";
import { answering, ejected, hostOf, whole } from "../chaos-mesh.ts";
import { CALLERS } from "../chaos-mesh.ts";
import { IN_FLIGHT } from "../traffic.ts";

const slow: Script = async (request) => {
  await sleep(1_000);
  return answering(request);
};
/** What a load balancer takes for a good answer. */
const wrong: Script = () => ({ body: '{"error": "no database"}' });

const plugin = (rule: string) => `apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: ejection }
spec:
  selector: { matchLabels: { app: web } }
  url: builtin://ejection
  pluginConfig: { rules: [${rule}], hold: { timeout: 1s, bytes: 16384 } }
`;

/** Programs that fail, behind sidecars that are well. */
export const HOST_CASES: readonly ChaosCase[] = [
  {
    fault: "a host dies, and comes back",
    async run(mesh, traffic, round) {
      const host = mesh.workload(hostOf(round));
      await host.kill();
      await ejected(mesh);
      await traffic.more();
      await host.start();
      await whole(mesh);
      await traffic.more();
    },
  },
  {
    fault: "a host hangs: it takes requests and answers none",
    async run(mesh, traffic, round) {
      const host = mesh.workload(hostOf(round));
      host.pause();
      await ejected(mesh);
      await traffic.more();
      host.resume();
      await whole(mesh);
      await traffic.more();
    },
  },
  {
    fault: "a host answers a second late",
    configured: "the filter ejection, by a rule on latency",
    rules: { objects: plugin("{ name: slow, match: { latency: { above: 0.7s } }, consecutive: 3 }") },
    async run(mesh, traffic, round) {
      const host = mesh.workload(hostOf(round));
      host.answer(slow);
      await ejected(mesh);
      await traffic.more();
      host.answer(answering);
      await whole(mesh);
      await traffic.more();
    },
  },
  {
    fault: "a host answers wrongly: 200 with an error in the body",
    configured: "the filter ejection, by a rule on the body, and retries on its mark (`retriable-headers`)",
    rules: {
      retries: "{ attempts: 5, perTryTimeout: 2s, retryOn: 'gateway-error,reset,connect-failure,refused-stream,retriable-headers' }",
      route: "headers: { request: { set: { x-envoy-retriable-header-names: x-meshwright-ejection } } }",
      objects: plugin("{ name: error body, match: { status: [200], body: { contains: '\"error\"' } }, consecutive: 1 }"),
    },
    bound: {
      why: "the filter ejection does not mark answers that are on their way when it takes a host out",
      most: () => CALLERS.length * IN_FLIGHT,
    },
    async run(mesh, traffic, round) {
      const host = mesh.workload(hostOf(round));
      host.answer(wrong);
      await ejected(mesh);
      await traffic.more();
      host.answer(answering);
      await whole(mesh);
      await traffic.more();
    },
  },
];
