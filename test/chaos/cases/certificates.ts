import { setTimeout as sleep } from "node:timers/promises";
import type { Mesh } from "../../../harness/mesh/index.ts";
import type { ChaosCase } from "../case.ts";

interface Authority {
  readonly roots: readonly { readonly serialNumber: string }[];
  /** When nothing that the old root has signed is good any more; milliseconds since 1970. */
  readonly retirable?: number;
}

/** Seconds. */
const LIFETIME = 12;

/** Whom to trust, while it changes. */
export const CERTIFICATES: readonly ChaosCase[] = [
  {
    fault: `the root, and with it every key and certificate, is replaced; certificates live for ${LIFETIME} s`,
    configured: "ejection; retries are off",
    rules: { retries: "{ attempts: 0 }", policy: "connectionPool: { http: { maxRequestsPerConnection: 3 } }" },
    control: { parameters: ["--certificate-lifetime", `${LIFETIME}s`] },
    async run(mesh, traffic) {
      const before = await authority(mesh);
      await rotate(mesh, "prepare");
      await traffic.more();
      await rotate(mesh, "switch");
      await traffic.more();
      const { retirable = 0 } = await authority(mesh);
      await sleep(Math.max(0, retirable - Date.now()) + 1);
      await rotate(mesh, "retire");
      await traffic.more();
      const left = (await authority(mesh)).roots.map(({ serialNumber }) => serialNumber);
      if (before.roots.some(({ serialNumber }) => left.includes(serialNumber))) throw new Error("the old root is still trusted");
      return undefined;
    },
  },
];

function authority(mesh: Mesh): Promise<Authority> {
  return mesh.control.ask<Authority>("/api/v1/authority");
}

async function rotate(mesh: Mesh, step: "prepare" | "switch" | "retire"): Promise<void> {
  await mesh.control.ask("/api/v1/authority/rotation", { method: "POST", body: { step, timeout: "30s" } });
}
