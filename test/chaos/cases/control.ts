import assert from "node:assert/strict";
import type { Mesh } from "../../../harness/mesh/index.ts";
import type { LinkFaults } from "../../../harness/faults/index.ts";
import type { ChaosCase } from "../case.ts";
import { CALLERS, HOSTS } from "../chaos-mesh.ts";

/** A control service that is not there. */
export const CONTROL: readonly ChaosCase[] = [
  {
    fault: "the control service is killed, and started again",
    async run(mesh, traffic) {
      await mesh.control.kill();
      await traffic.more();
      await mesh.control.start();
      await mesh.settled();
      await traffic.more();
      return undefined;
    },
  },
  {
    fault: "the control service hangs (SIGSTOP), and goes on",
    async run(mesh, traffic) {
      await mesh.control.pause();
      await traffic.more();
      mesh.control.resume();
      await mesh.settled();
      await traffic.more();
      return undefined;
    },
  },
  ...cutOff("resets every connection", { cut: "reset" }),
  ...cutOff("takes everything and lets nothing through", { cut: "hang" }),
];

function cutOff(how: string, faults: LinkFaults): readonly ChaosCase[] {
  return [
    {
      fault: `the way to the control service ${how}, for all proxies`,
      async run(mesh, traffic) {
        const links = linksOf(mesh);
        const before = links.map(({ counts }) => counts);
        for (const link of links) await link.set(faults);
        const cut = links.map(({ counts }) => counts);
        await traffic.more();
        const during = links.map(({ counts }) => counts);
        const total = (all: typeof before, name: "reset" | "sent" | "received") => all.reduce((sum, counts) => sum + counts[name], 0);
        if (faults.cut === "reset")
          assert.ok(total(during, "reset") >= total(before, "reset") + links.length, "connections were not reset");
        for (const way of ["sent", "received"] as const) assert.equal(total(during, way), total(cut, way), "something went through");
        for (const link of links) await link.heal();
        await mesh.settled();
        await traffic.more();
        return undefined;
      },
    },
  ];
}

const linksOf = (mesh: Mesh) => [...CALLERS, ...HOSTS].map((name) => mesh.link(name, "control"));
