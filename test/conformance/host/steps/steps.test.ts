import { afterAll, beforeAll, describe, expect, test, type TestContext } from "vitest";
import { envoyBinary, envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import { SUBJECTS } from "./cases/index.ts";
import { EnvoyPlaces } from "./in-envoy.ts";
import { HostPlace } from "./in-host.ts";
import { setupsOf, type Setup } from "./setups.ts";
import type { Case, Sight } from "./step.ts";
import { STEP_DIFFERENCES } from "./versions.ts";

// What a filter, its client and its upstream see behind each step is the same in the in-process host and in Envoy.

let setups: readonly Setup[] = [];
let places: EnvoyPlaces | undefined;
const hosts = new Map<string, HostPlace>();

beforeAll(async () => {
  setups = await setupsOf(Object.values(SUBJECTS).flat());
  if ((await envoyTarget.unavailable()) === undefined) places = await EnvoyPlaces.start(setups);
});

afterAll(async () => {
  await places?.[Symbol.asyncDispose]();
});

type Alike = (sight: Sight) => Sight;

async function both(one: Case, alike: Alike, context: TestContext): Promise<{ readonly host: Sight[]; readonly envoy: Sight[] }> {
  await requireTarget(envoyTarget, context);
  const setup = setups.find(({ cases }) => cases.includes(one));
  if (setup === undefined || places === undefined) throw new Error("no place for the case");
  const place = hosts.get(setup.name) ?? new HostPlace(setup);
  hosts.set(setup.name, place);
  const host = await place.play(one);
  return { host, envoy: await places.play(setup, one, host.map(alike), alike) };
}

/** The first step behind which they differ, with what is new in it. */
function firstDifference(host: readonly Sight[], envoy: readonly Sight[]) {
  for (const [at, ours] of host.entries()) {
    const theirs = envoy[at];
    const logged = host[at - 1]?.log.length ?? 0;
    const shown = (sight: Sight | undefined) =>
      sight && { step: at, name: sight.step, logged: sight.log.slice(logged), streams: sight.streams };
    if (JSON.stringify(ours) !== JSON.stringify(theirs)) return { host: shown(ours), envoy: shown(theirs) };
  }
  return undefined;
}

for (const [subject, cases] of Object.entries(SUBJECTS)) {
  describe(subject, () => {
    for (const one of cases) {
      test(one.title, async (context) => {
        const version = (await envoyBinary()).version.split(".", 2).join(".");
        const recorded = STEP_DIFFERENCES.filter(
          ({ versions, cases: titles }) => versions.includes(version) && titles.includes(`${subject}: ${one.title}`),
        );
        const alike: Alike = (sight) => recorded.reduce((sum, difference) => difference.alike(sum), sight);
        const { host, envoy } = await both(one, alike, context);
        // Or the record is too long.
        if (recorded.length > 0) expect(firstDifference(host, envoy), "differs as steps/versions.ts says").toBeDefined();
        const difference = firstDifference(host.map(alike), envoy.map(alike));
        expect(difference?.envoy).toEqual(difference?.host);
      });
    }
  });
}

test("what other versions of Envoy do otherwise names cases that there are", () => {
  const titles = new Set(Object.entries(SUBJECTS).flatMap(([subject, cases]) => cases.map(({ title }) => `${subject}: ${title}`)));
  expect(STEP_DIFFERENCES.flatMap(({ cases }) => cases).filter((title) => !titles.has(title))).toEqual([]);
});
