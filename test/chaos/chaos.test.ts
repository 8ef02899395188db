import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import type { Mesh } from "../../harness/mesh/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import type { ChaosCase } from "./case.ts";
import { rules, startChaosMesh, whole } from "./chaos-mesh.ts";
import { CONTROL } from "./cases/control.ts";
import { HOST_CASES } from "./cases/hosts.ts";
import { LINKS } from "./cases/links.ts";
import { PROXIES } from "./cases/proxies.ts";
import { Traffic } from "./traffic.ts";

const CASES: readonly ChaosCase[] = [...HOST_CASES, ...LINKS, ...CONTROL, ...PROXIES];

describe("under load, with retries and ejection", () => {
  let mesh: Mesh;

  beforeAll(async () => {
    if ((await envoyTarget.unavailable()) === undefined) mesh = await startChaosMesh();
  }, 180_000);
  beforeEach(async (context) => requireTarget(envoyTarget, context));
  afterAll(async () => mesh?.[Symbol.asyncDispose]());

  for (const each of CASES) {
    test(each.fault, { timeout: 180_000 }, async () => {
      await mesh.apply({ "rules.yaml": rules(each.rules) });
      await whole(mesh);
      await using traffic = await Traffic.start(mesh, each.traffic);
      await each.run(mesh, traffic, 0);
      const figures = await traffic.stop();
      console.log(each.fault, JSON.stringify(figures));
      const most = each.bound?.most(figures) ?? 0;
      if (figures.lost + figures.wrong > 0) console.log(String(traffic));
      expect(figures.lost + figures.wrong, String(traffic)).toBeLessThanOrEqual(most);
    });
  }
});
