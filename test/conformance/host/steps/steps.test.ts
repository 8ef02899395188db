import { afterAll, beforeAll, describe, expect, test, type TestContext } from "vitest";
import { envoyBinary, envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import { STEP_DIFFERENCES } from "../versions.ts";
import { SUBJECTS } from "./cases/index.ts";
import { EnvoyPlaces } from "./in-envoy.ts";
import { HostPlace } from "./in-host.ts";
import { setupsOf, type Setup } from "./setups.ts";
import type { Case, Sight } from "./step.ts";

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

async function both(one: Case, context: TestContext): Promise<{ readonly host: Sight[]; readonly envoy: Sight[] }> {
  await requireTarget(envoyTarget, context);
  const setup = setups.find(({ cases }) => cases.includes(one));
  if (setup === undefined || places === undefined) throw new Error("no place for the case");
  const place = hosts.get(setup.name) ?? new HostPlace(setup.filters, setup.limited);
  hosts.set(setup.name, place);
  const host = await place.play(one);
  return { host, envoy: await places.play(setup, one, host) };
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
        const { host, envoy } = await both(one, context);
        const difference = firstDifference(host, envoy);
        const version = (await envoyBinary()).version.split(".", 2).join(".");
        // What is recorded differs, or the record is too long.
        if (STEP_DIFFERENCES[version]?.[`${subject}: ${one.title}`] !== undefined) expect(difference).toBeDefined();
        else expect(difference?.envoy).toEqual(difference?.host);
      });
    }
  });
}
