import { expect, test, type TestContext } from "vitest";
import { judge } from "../report/targets.ts";
import { buildGoControlPlane } from "./go-control-plane.ts";
import { PreparedMesh } from "./prepared-mesh.ts";
import { measurePolicies } from "./policy-section.ts";
import { measure, OURS, peersOf, THE_FLOOR } from "./section.ts";
import type { Contender } from "./subject.ts";

const [STREAMS, SERVICES] = [3, 4];

/** That so little was measured says nothing; but each proxy got everything, and every edit reached it. */
async function carriesOut(contender: Contender): Promise<void> {
  const names = (await PreparedMesh.of(SERVICES)).names();
  const { by, resident } = await measure(contender, names, STREAMS, SERVICES, 2);
  for (const { p99, bytes } of Object.values(by)) {
    expect(p99).toBeGreaterThan(0);
    expect(bytes).toBeGreaterThan(100);
  }
  expect(by.weight.bytes).toBeLessThan(by.first.bytes);
  expect(resident).toBeGreaterThan(1e6);
}

test.each([...OURS, THE_FLOOR])("proxies hear of every edit: $id", carriesOut);

test("proxies hear of every edit: go-control-plane", { timeout: 600_000 }, async (context: TestContext) => {
  const built = await buildGoControlPlane();
  if ("missing" in built) {
    context.task.meta.notRun = built.missing;
    if (process.env["MESHWRIGHT_REQUIRE_ALL_TARGETS"] === "1") throw new Error(built.missing);
    return context.skip(built.missing);
  }
  for (const peer of peersOf(built.program)) await carriesOut(peer);
});

test("proxies hear of a changed policy, and of nothing else with it", async () => {
  const { policy, weight } = await measurePolicies(STREAMS, SERVICES, 1);
  for (const { p99, bytes } of [policy, weight]) {
    expect(p99).toBeGreaterThan(0);
    expect(bytes).toBeGreaterThan(100);
    expect(bytes).toBeLessThan(10_000);
  }
});

test("an edit changes one resource, and no other type", async () => {
  const mesh = await PreparedMesh.of(SERVICES);
  for (const edit of ["weight", "match", "endpoint"] as const) {
    const changed = Object.values(mesh.change(edit, 1, 7)).flat();
    expect(changed.map(({ name }) => name.includes("service-1.")).length).toBeGreaterThan(0);
    expect(changed.every(({ name }) => name.includes("service-1."))).toBe(true);
  }
});

test("targets of the control service name figures that its section has", () => {
  const figures = Object.fromEntries(
    ["1x500", "1000x50", "1000x500"].flatMap((size) => [
      [`delta@${size}/resident`, 1],
      ...["weight", "match", "endpoint", "first"].flatMap((edit) => ["p99", "cpu"].map((figure) => [`delta@${size}/${edit}/${figure}`, 1])),
    ]) as [string, number][],
  );
  const result = { date: "", effort: "", columns: [], rows: [], figures, missing: [] };
  const verdicts = judge({ control: result }).filter(({ target }) => target.section === "control");
  expect(verdicts.length).toBeGreaterThan(5);
  expect(verdicts.filter(({ measured }) => measured === undefined)).toEqual([]);
});
