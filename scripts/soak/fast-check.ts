// What `import fc from "fast-check"` is in a soak (vitest.config.ts): the same, but each property runs for MESHWRIGHT_FUZZ_SECONDS instead of a number of
// times, with a seed of its own. A failure prints seed and path, as ever.

import original, {
  type IAsyncProperty,
  type IProperty,
  type IRawProperty,
  type Parameters,
} from "../../node_modules/fast-check/lib/fast-check.js";

export * from "../../node_modules/fast-check/lib/fast-check.js";

const seconds = Number(process.env["MESHWRIGHT_FUZZ_SECONDS"]);

function prolonged<Values>({ seed: _seed, path: _path, ...parameters }: Parameters<Values>): Parameters<Values> {
  return { ...parameters, numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: seconds * 1_000, markInterruptAsFailure: false };
}

export function assert<Values>(property: IAsyncProperty<Values>, parameters?: Parameters<Values>): Promise<void>;
export function assert<Values>(property: IProperty<Values>, parameters?: Parameters<Values>): void;
export function assert<Values>(property: IRawProperty<Values>, parameters: Parameters<Values> = {}): Promise<void> | void {
  return original.assert(property, prolonged(parameters));
}

export default { ...original, assert };
