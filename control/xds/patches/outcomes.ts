import type { EnvoyPatch } from "../../model/index.ts";

/** What became of a patch, wherever it was tried: kept beside it, as long as it is there. Nothing that proxies get depends on it. */
export interface Outcome {
  /** Whether it changed something. */
  readonly applied: boolean;
  /** Why it could not be applied, by the name of the resource. */
  readonly failures: ReadonlyMap<string, string>;
}

interface Kept {
  applied: boolean;
  readonly failures: Map<string, string>;
}

const OUTCOMES = new WeakMap<EnvoyPatch, Kept>();
const NOTHING: Outcome = { applied: false, failures: new Map() };
/** Resources of which it is told. */
const MOST = 20;

export function outcomeOf(patch: EnvoyPatch): Outcome {
  return OUTCOMES.get(patch) ?? NOTHING;
}

function kept(patch: EnvoyPatch): Kept {
  let outcome = OUTCOMES.get(patch);
  if (outcome === undefined) OUTCOMES.set(patch, (outcome = { applied: false, failures: new Map() }));
  return outcome;
}

export function noteApplied(patch: EnvoyPatch, resource: string): void {
  const outcome = kept(patch);
  outcome.applied = true;
  outcome.failures.delete(resource);
}

export function noteFailed(patch: EnvoyPatch, resource: string, reason: string): void {
  const { failures } = kept(patch);
  if (failures.size < MOST) failures.set(resource, reason);
}
