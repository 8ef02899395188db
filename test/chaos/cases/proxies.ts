import { until } from "../../../harness/until.ts";
import type { Mesh } from "../../../harness/mesh/index.ts";
import type { ChaosCase } from "../case.ts";
import { CALLERS, hostOf, HOSTS, RETRIES } from "../chaos-mesh.ts";
import { type Figures, IN_FLIGHT, RATE, type Traffic } from "../traffic.ts";

/** Retries where no host can have seen the request. */
const SAFE = "retries on `connect-failure,refused-stream,reset-before-request`";

async function restart(mesh: Mesh, traffic: Traffic, hosts: readonly string[]): Promise<void> {
  for (const host of hosts) {
    await mesh.workload(host).sidecar.restart();
    await mesh.settled();
    await traffic.more();
  }
}

/** A caller has one sidecar: what it sends while that is away has nowhere to go. */
const AWAY = {
  why: "what a caller sends while its own sidecar is away, which is the only way that it has",
  most: ({ gap }: Figures) => CALLERS.length * (Math.ceil((gap / 1_000) * RATE) + IN_FLIGHT),
};

/** Proxies that go and come. Requests that may not be repeated are the hardest: none may be cut off. */
export const PROXIES: readonly ChaosCase[] = [
  {
    fault: "every host's sidecar is restarted, one after the other; POST",
    configured: SAFE,
    rules: { retries: RETRIES.safe },
    traffic: { method: "POST" },
    run: (mesh, traffic) => restart(mesh, traffic, HOSTS),
  },
  {
    fault: "every host's sidecar is restarted, one after the other; POST, and nothing is tried again",
    configured: "retries are off",
    rules: { retries: "{ attempts: 0 }" },
    traffic: { method: "POST" },
    run: (mesh, traffic) => restart(mesh, traffic, HOSTS),
  },
  {
    fault: "a host's sidecar is restarted, and HTTP/2 is spoken to it; POST",
    configured: `${SAFE}, \`h2UpgradePolicy: UPGRADE\``,
    rules: { retries: RETRIES.safe, policy: "connectionPool: { http: { h2UpgradePolicy: UPGRADE } }" },
    traffic: { method: "POST" },
    run: (mesh, traffic, round) => restart(mesh, traffic, [hostOf(round)]),
  },
  {
    fault: "every caller's sidecar is restarted, one after the other",
    bound: AWAY,
    async run(mesh, traffic) {
      for (const caller of CALLERS) {
        const others = CALLERS.filter((other) => other !== caller);
        const before = others.map((other) => failed(traffic, other));
        await mesh.workload(caller).sidecar.restart();
        await traffic.more();
        const after = others.map((other) => failed(traffic, other));
        if (after.join() !== before.join())
          throw new Error(`the restart of ${caller}'s sidecar lost requests of others:\n${String(traffic)}`);
      }
    },
  },
  {
    fault: "a host's Envoy is killed, and started again by `meshwright proxy`",
    async run(mesh, traffic, round) {
      await killEnvoy(mesh, hostOf(round));
      await traffic.more();
    },
  },
  {
    fault: "a caller's Envoy is killed, and started again by `meshwright proxy`",
    bound: AWAY,
    async run(mesh, traffic) {
      await killEnvoy(mesh, CALLERS[0]);
      await traffic.more();
    },
  },
];

function failed(traffic: Traffic, caller: string): number {
  const { lost, wrong } = traffic.of(caller);
  return lost + wrong;
}

/** Waits until another Envoy serves. */
async function killEnvoy(mesh: Mesh, name: string): Promise<void> {
  const { sidecar } = mesh.workload(name);
  const { pid } = sidecar;
  sidecar.killEnvoy();
  await until(
    `the Envoy of ${name} is another`,
    () => sidecar.pid,
    (now) => now !== pid && now !== 0,
    { timeout: 60_000 },
  );
  await until(
    `the Envoy of ${name} serves`,
    () => sidecar.admin.ready().catch(() => false),
    (ready) => ready,
    { timeout: 60_000 },
  );
  await mesh.settled();
}
