import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { envoyTarget } from "../../../harness/envoy/index.ts";
import { requireTarget } from "../../../harness/scenario/require-target.ts";
import { until } from "../until.ts";
import { Load } from "./load.ts";
import { RotatingMesh } from "./rotating-mesh.ts";

/** A soak rotates for longer. */
const SECONDS = Number(process.env["MESHWRIGHT_ROTATION_SECONDS"] ?? 0);
const LIFETIME = 10;

/** Both ends of every connection trust what the other shows, whichever of the two roots has signed it, all the time. */
test(
  `certificates that are replaced every ${LIFETIME / 2} seconds, and roots${SECONDS > 0 ? ` for ${SECONDS} seconds` : ""}, lose no request`,
  async (context) => {
    await requireTarget(envoyTarget, context);
    await using mesh = await RotatingMesh.start(`${LIFETIME}s`);
    await using gateway = new Load(mesh.gateway, ["orders.default.svc.cluster.local"], 2);
    await using egress = new Load(mesh.egress, ["items"], 2);
    await moreAnswers(gateway, egress);
    const begun = performance.now();
    let rotations = 0;
    do {
      const [old] = (await mesh.authority()).roots;
      expect(await mesh.rotate("prepare")).toBe("prepared");
      await moreAnswers(gateway, egress);
      expect(await mesh.rotate("switch")).toBe("switched");
      await moreAnswers(gateway, egress);
      const { retirable = 0 } = await mesh.authority();
      await sleep(Math.max(0, retirable - Date.now()) + 1);
      expect(await mesh.rotate("retire")).toBe("stable");
      await moreAnswers(gateway, egress);
      const { roots } = await mesh.authority();
      expect(roots.map(({ serialNumber }) => serialNumber)).not.toContain(old?.serialNumber);
      await until(
        "every Envoy trusts the new root alone, and has a certificate of it",
        () => mesh.trust(),
        (all) => all.every(({ issuer, roots: [root, ...others] }) => root === roots[0]?.subject && others.length === 0 && issuer === root),
      );
      rotations += 1;
    } while (performance.now() - begun < SECONDS * 1000);
    await moreAnswers(gateway, egress);
    const loads = [gateway, egress];
    const lost = loads.flatMap((load) => load.lost);
    expect({ count: lost.length, first: lost.slice(0, 3) }).toEqual({ count: 0, first: [] });
    const certificates = mesh.certificates();
    expect(Math.min(...certificates)).toBeGreaterThan(rotations);
    const answered = loads.reduce((sum, load) => sum + load.answered, 0);
    const seconds = Math.round((performance.now() - begun) / 1000);
    if (SECONDS > 0)
      console.log(
        `${seconds} s: ${rotations} roots, ${certificates.join(" + ")} certificates, ${answered} requests answered, ${lost.length} lost`,
      );
  },
  120_000 + SECONDS * 2_000,
);

/** Waits until both have had more good answers. */
async function moreAnswers(...loads: readonly Load[]): Promise<void> {
  for (const load of loads) {
    const before = load.answered;
    await until(
      "more requests are answered",
      async () => load.answered,
      (answered) => answered >= before + 20,
    );
  }
}
