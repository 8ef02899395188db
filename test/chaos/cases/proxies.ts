import assert from "node:assert/strict";
import type { Mesh, Proxy } from "../../../harness/mesh/index.ts";
import { until } from "../../../harness/until.ts";
import type { ChaosCase } from "../case.ts";
import { CALLERS, GATEWAY, hostOf, HOSTS, RETRIES } from "../chaos-mesh.ts";
import type { Traffic } from "../traffic.ts";

/** Retries where no host can have seen the request. */
const SAFE = "retries on `connect-failure,refused-stream,reset-before-request`";

async function restart(mesh: Mesh, traffic: Traffic, hosts: readonly string[]): Promise<undefined> {
  for (const host of hosts) {
    const { sidecar } = mesh.workload(host);
    await sidecar.stop();
    assert.ok(sidecar.log.some(has(LEFT)), `${host} went before its callers knew:\n${sidecar.log.join("\n")}`);
    await sidecar.start();
    await mesh.settled();
    await traffic.more();
  }
  return undefined;
}

/** What `meshwright proxy` says when it drains: that callers have accepted it, and when clients are refused. */
const LEFT = "callers know that this proxy drains";
const CLOSED = "no connection is taken any more";
const has = (text: string) => (line: string) => line.includes(text);

/** A caller has one way, its sidecar, and from outside there is one gateway: what is sent while that is away has nowhere to go. */
const AWAY = "what is sent while the caller's own sidecar, or the only gateway, is away";

/** Of the requests so far those that have come to their end. */
function ended(traffic: Traffic, caller: string): number {
  const { sent, open } = traffic.of(caller);
  return sent - open;
}

/** Restarts what takes a caller's requests. @returns how many it sent from the moment on in which no connection was taken any more */
async function restartOwn(proxy: Proxy, traffic: Traffic, caller: string): Promise<number> {
  let before = ended(traffic, caller);
  const stopped = proxy.stop();
  await until(
    `${proxy.name} takes no connection any more`,
    () => {
      const isClosed = proxy.log.some(has(CLOSED));
      if (!isClosed) before = ended(traffic, caller);
      return isClosed;
    },
    (isClosed) => isClosed,
  );
  await stopped;
  await proxy.start();
  const away = traffic.of(caller).sent - before;
  await traffic.more();
  assert.ok(failed(traffic, caller) > 0, `${proxy.name} was not away`);
  return away;
}

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
    lossy:
      "what comes in the moments in which a host's Envoy begins or ends to listen: it and its callers accept what is new on one thread, and others carry it out",
    traffic: { method: "POST" },
    async run(mesh, traffic) {
      await restart(mesh, traffic, HOSTS);
      return 2 * HOSTS.length;
    },
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
    lossy: AWAY,
    async run(mesh, traffic) {
      let away = 0;
      for (const caller of CALLERS) {
        const others = CALLERS.filter((other) => other !== caller);
        const before = others.map((other) => failed(traffic, other));
        away += await restartOwn(mesh.workload(caller).sidecar, traffic, caller);
        const after = others.map((other) => failed(traffic, other));
        assert.deepEqual(after, before, `the restart of ${caller}'s sidecar lost requests of others:\n${String(traffic)}`);
      }
      return away;
    },
  },
  {
    fault: "the gateway is restarted, while requests come from outside",
    lossy: AWAY,
    traffic: { callers: [GATEWAY] },
    run: (mesh, traffic) => restartOwn(mesh.gateway(GATEWAY).proxy, traffic, GATEWAY),
  },
  {
    fault: "a host's Envoy is killed, and started again by `meshwright proxy`",
    async run(mesh, traffic, round) {
      await killEnvoy(mesh, hostOf(round));
      await traffic.more();
      return undefined;
    },
  },
  {
    fault: "a caller's Envoy is killed, and started again by `meshwright proxy`",
    lossy: AWAY,
    async run(mesh, traffic) {
      const [caller] = CALLERS;
      const before = ended(traffic, caller);
      await killEnvoy(mesh, caller);
      const away = traffic.of(caller).sent - before;
      await traffic.more();
      assert.ok(failed(traffic, caller) > 0, `the Envoy of ${caller} was not away`);
      return away;
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
