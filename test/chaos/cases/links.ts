import assert from "node:assert/strict";
import type { LinkCounts, LinkFaults } from "../../../harness/faults/index.ts";
import type { Mesh } from "../../../harness/mesh/index.ts";
import { until } from "../../../harness/until.ts";
import type { ChaosCase } from "../case.ts";
import { CALLERS, ejected, hostOf, whole } from "../chaos-mesh.ts";
import type { Traffic } from "../traffic.ts";

async function set(mesh: Mesh, host: string, faults: LinkFaults): Promise<void> {
  for (const caller of CALLERS) await mesh.link(caller, host).set(faults);
}

const countsOf = (mesh: Mesh, host: string) => CALLERS.map((caller) => mesh.link(caller, host).counts);

interface Evidence {
  /** Whether the host is ejected for it. */
  readonly takesOut?: true;
  /** What each caller's link counts more of. */
  readonly counts?: keyof LinkCounts;
  /** Milliseconds that the slowest tenth of each caller's requests took at the least: a third goes to the host. */
  readonly slower?: number;
}

function link(how: string, faults: LinkFaults, { takesOut, counts, slower = 0 }: Evidence): ChaosCase {
  const meanwhile = async (mesh: Mesh, traffic: Traffic, host: string, before: readonly LinkCounts[]) => {
    if (takesOut === true) await ejected(mesh);
    await traffic.more(40);
    if (counts === undefined) return;
    // By chance some chunks are spared for a while.
    await until(
      `${counts} of each caller's link to ${host} is more`,
      () => countsOf(mesh, host),
      (now) => now.every((each, index) => each[counts] > (before[index]?.[counts] ?? 0)),
      { timeout: 60_000 },
    );
  };
  return {
    fault: `the way to a host ${how}`,
    async run(mesh, traffic, round) {
      const host = hostOf(round);
      const before = countsOf(mesh, host);
      await set(mesh, host, faults);
      const latencies = await traffic.latencies(0.9, meanwhile(mesh, traffic, host, before));
      assert.ok(Math.min(...latencies) >= slower, `nothing was slow: ${latencies.join()}`);
      await set(mesh, host, {});
      await whole(mesh);
      await traffic.more();
      return undefined;
    },
  };
}

/** Between callers and one of the hosts. */
export const LINKS: readonly ChaosCase[] = [
  link("is slow (100 to 150 ms each way)", { delay: 100, jitter: 50 }, { slower: 200 }),
  link("is lossy: every fifth chunk comes late, by the retransmission of TCP", { loss: 0.2 }, { counts: "retransmitted" }),
  link("resets connections, at every tenth chunk", { resets: 0.1 }, { counts: "reset" }),
  link("is cut: nothing goes through, and nobody says so", { cut: "hang" }, { takesOut: true }),
  link("is cut: connections are refused", { cut: "refuse" }, { takesOut: true, counts: "reset" }),
];
