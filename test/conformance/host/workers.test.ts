import { expect, test } from "vitest";
import { envoyTarget } from "../../../harness/envoy/index.ts";
import { requireTarget } from "../../../harness/scenario/require-target.ts";
import { workersInEnvoy, workersInHost, type WorkerStep } from "./workers.ts";

// Shared data and shared queues of one `vm_id` under two workers, in the in-process host and in Envoy.

const CASES: Readonly<Record<string, readonly WorkerStep[]>> = {
  "a value of one worker is seen by the other, and a write behind another's is a conflict": [
    ["a", "load k", "store k one 0", "load k"],
    ["b", "load k", "store k two 1"],
    ["a", "store k three 1", "load k", "store k three 1"],
    ["b", "store k four 1", "load k", "store k five 77777", "store k six 0"],
    ["a", "load k", "store new x 77777"],
    ["b", "load new"],
  ],
  "a queue's events go to the worker that registered last": [
    ["b", "resolve - q"],
    ["a", "register q"],
    ["b", "resolve - q", "resolve shared q", "resolve other q", "enqueue 1 one"],
    ["a", "enqueue 1 two"],
    ["b", "register q"],
    ["a", "enqueue 1 three"],
    ["a", "enqueue 1 four"],
    ["b", "enqueue 1 five"],
  ],
  "what is in a queue is taken by who asks first": [
    ["a", "register q", "register r"],
    ["b", "enqueue 2 one", "enqueue 2 two"],
    ["b", "dequeue 2"],
    ["a", "dequeue 2", "dequeue 2"],
    ["b", "dequeue 2"],
  ],
  "values and queues outlive the VM of a worker that traps": [
    ["b", "load k"],
    ["a", "store k kept 0", "load k", "register q", "register r", "enqueue 2 kept"],
    ["a", "trap"],
    ["b", "load k", "enqueue 1 while-gone"],
    ["a", "load k", "dequeue 1", "dequeue 2"],
    ["b", "store k changed 1", "enqueue 1 again"],
    ["a", "register q"],
    ["b", "enqueue 1 registered-anew"],
    ["a", "load k"],
  ],
};

for (const [title, steps] of Object.entries(CASES)) {
  test(title, async (context) => {
    await requireTarget(envoyTarget, context);
    const host = await workersInHost(steps);
    // Otherwise nothing was compared.
    expect(host.at(-1)?.a.length).toBeGreaterThan(0);
    expect(host.at(-1)?.b.length).toBeGreaterThan(0);
    expect(await workersInEnvoy(steps, host)).toEqual(host);
  });
}
