import type { LinkFaults } from "../../../harness/faults/index.ts";
import type { Mesh } from "../../../harness/mesh/index.ts";
import type { ChaosCase } from "../case.ts";
import { CALLERS, ejected, hostOf, whole } from "../chaos-mesh.ts";

async function set(mesh: Mesh, host: string, faults: LinkFaults): Promise<void> {
  for (const caller of CALLERS) await mesh.link(caller, host).set(faults);
}

/** @param takesOut whether the host is ejected for it */
function link(how: string, faults: LinkFaults, takesOut: boolean): ChaosCase {
  return {
    fault: `the way to a host ${how}`,
    async run(mesh, traffic, round) {
      await set(mesh, hostOf(round), faults);
      if (takesOut) await ejected(mesh);
      await traffic.more(40);
      await set(mesh, hostOf(round), {});
      await whole(mesh);
      await traffic.more();
    },
  };
}

/** Between callers and one of the hosts. */
export const LINKS: readonly ChaosCase[] = [
  link("is slow (100 to 150 ms each way)", { delay: 100, jitter: 50 }, false),
  link("is lossy: every fifth chunk comes late, by the retransmission of TCP", { loss: 0.2 }, false),
  link("resets connections, at every tenth chunk", { resets: 0.1 }, false),
  link("is cut: nothing goes through, and nobody says so", { cut: "hang" }, true),
  link("is cut: connections are refused", { cut: "refuse" }, true),
];
