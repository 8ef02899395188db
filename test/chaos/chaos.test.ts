import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import type { Mesh } from "../../harness/mesh/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import type { ChaosCase } from "./case.ts";
import { HOSTS, rules, startChaosMesh, whole } from "./chaos-mesh.ts";
import { CERTIFICATES } from "./cases/certificates.ts";
import { CONTROL } from "./cases/control.ts";
import { FILTERS } from "./cases/filters.ts";
import { HOST_CASES } from "./cases/hosts.ts";
import { LINKS } from "./cases/links.ts";
import { MACHINE } from "./cases/machine.ts";
import { PROXIES } from "./cases/proxies.ts";
import { type Row, sum, writeFigures } from "./figures.ts";
import { type Figures, Traffic } from "./traffic.ts";

const CASES: readonly ChaosCase[] = [...PROXIES, ...CONTROL, ...HOST_CASES, ...LINKS, ...FILTERS, ...CERTIFICATES, ...MACHINE];
/** A soak does each more than once, and writes what came of it to the page. */
const ROUNDS = Number(process.env["MESHWRIGHT_CHAOS_ROUNDS"] ?? 1);
const SEED = Number(process.env["MESHWRIGHT_CHAOS_SEED"] ?? 0);
const PAGE = fileURLToPath(new URL("../../docs/testing-a-mesh.md", import.meta.url));
const TIMEOUT = 180_000;

const rows: Row[] = [];
let shared: Mesh;

beforeAll(async () => {
  if ((await envoyTarget.unavailable()) === undefined) shared = await startChaosMesh();
}, TIMEOUT);
beforeEach(async (context) => requireTarget(envoyTarget, context));
afterAll(async () => {
  await shared?.[Symbol.asyncDispose]();
  // Not of some of them: the page has all or those of before.
  if (process.env["MESHWRIGHT_CHAOS_ROUNDS"] !== undefined && rows.length === CASES.length) await writeFigures(PAGE, rows, ROUNDS, SEED);
}, TIMEOUT);

/** One round, of which the mesh is whole again after it. */
async function play(each: ChaosCase, mesh: Mesh, round: number): Promise<Figures> {
  await mesh.apply({ "rules.yaml": rules(each.rules) });
  await whole(mesh);
  await using traffic = await Traffic.start(mesh, each.traffic);
  const most = (await each.run(mesh, traffic, round)) ?? 0;
  const figures = await traffic.stop();
  expect(figures.lost + figures.wrong, String(traffic)).toBeLessThanOrEqual(most);
  return figures;
}

describe(`under load, with retries and ejection${ROUNDS > 1 ? ` (${ROUNDS} times, seed ${SEED})` : ""}`, () => {
  test.for(CASES)("$fault", { timeout: TIMEOUT * ROUNDS }, async (each, context) => {
    await requireTarget({ name: "envoy", unavailable: async () => each.unavailable?.() }, context);
    await using own = each.control === undefined ? undefined : await startChaosMesh(each.control);
    const all: Figures[] = [];
    for (let round = SEED; round < SEED + ROUNDS; round++) all.push(await play(each, own ?? shared, round));
    rows.push({ each, figures: sum(all) });
  });
});

test("without retries and without ejection the same host's death is seen by callers", { timeout: TIMEOUT }, async () => {
  await shared.apply({ "rules.yaml": rules({ retries: "{ attempts: 0 }", ejection: "{ consecutive5xxErrors: 0 }" }) });
  await whole(shared);
  await using traffic = await Traffic.start(shared);
  const host = shared.workload(HOSTS[0]);
  await host.kill();
  await traffic.more();
  await host.start();
  expect((await traffic.stop()).wrong).toBeGreaterThan(5);
});
