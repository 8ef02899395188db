import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { RecordedRequest, Script } from "../../../harness/upstreams/index.ts";
import type { ChaosCase } from "../case.ts";
import { answering, ejected, hostOf, HOSTS, whole } from "../chaos-mesh.ts";

const slow: Script = async (request) => {
  await sleep(1_000);
  return answering(request);
};
/** What a load balancer takes for a good answer. */
const WRONG = '{"error": "no database"}';
/** A second try, as Envoy counts them. */
const isRepeated: (request: RecordedRequest) => boolean = ({ headers }) =>
  headers.some(([name, value]) => name === "x-envoy-attempt-count" && Number(value) > 1);

const plugin = (rule: string) => `apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: ejection }
spec:
  selector: { matchLabels: { app: web } }
  url: builtin://ejection
  pluginConfig: { rules: [${rule}], hold: { timeout: 1s, bytes: 16384 } }
`;

/** Two callers, each of which sends 13 requests a second to the host, whose answers take some milliseconds. */
const ON_THEIR_WAY = 8;

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
      return undefined;
    },
  },
  {
    fault: "a host hangs: it takes requests and answers none",
    async run(mesh, traffic, round) {
      const host = mesh.workload(hostOf(round));
      await host.pause();
      await ejected(mesh);
      await traffic.more();
      host.resume();
      await whole(mesh);
      await traffic.more();
      return undefined;
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
      return undefined;
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
    lossy: "answers that are on their way when the filter ejection takes a host out, which have no mark by which they could be tried again",
    async run(mesh, traffic, round) {
      let given = 0;
      let repeated = 0;
      const counting: Script = (request) => {
        if (isRepeated(request)) repeated++;
        return answering(request);
      };
      for (const name of HOSTS) mesh.workload(name).answer(counting);
      const host = mesh.workload(hostOf(round));
      host.answer((request) => {
        if (isRepeated(request)) repeated++;
        given++;
        return { body: WRONG };
      });
      await ejected(mesh);
      await traffic.more();
      host.answer(counting);
      await whole(mesh);
      await traffic.more();
      for (const name of HOSTS) mesh.workload(name).answer(answering);
      // Each is seen by its client or was tried again; those that are seen are few.
      assert.ok(repeated > 0, "no answer was tried again");
      return Math.min(given - repeated, ON_THEIR_WAY);
    },
  },
];
