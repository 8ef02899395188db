import { expect, test } from "vitest";
import { containerTarget, reusedEnvoyTarget } from "../envoy/index.ts";
import { inProcessTarget } from "../host/index.ts";
import type { ChainSpec, Target } from "../target/index.ts";
import { play, type ScenarioRun } from "./play.ts";
import { requireTarget } from "./require-target.ts";
import type { Transcript } from "./transcript.ts";

export interface ScenarioOptions {
  /** What runs, or what makes it anew for each target. */
  readonly chain: ChainSpec | (() => ChainSpec | Promise<ChainSpec>);
  /** Also in an Envoy container. Default: false, because a container takes a second to start. */
  readonly container?: boolean;
  /** Milliseconds for one target. Default: 30,000. */
  readonly timeout?: number;
}

/**
 * Declares one vitest test for each target: the in-process host, then an Envoy process, then, where asked for, a container. The body's own
 * expectations hold on each; and what could be observed (results, metrics, logs at info and above) must be the same on all, or
 * the later one fails with the difference. A target that this machine lacks is reported as NOT RUN; with
 * `MESHWRIGHT_REQUIRE_ALL_TARGETS=1` it fails.
 */
export function scenario(title: string, options: ScenarioOptions, body: (run: ScenarioRun) => Promise<void>): void {
  let reference: Promise<Transcript> | undefined;
  const start = async (target: Target) => play(target, typeof options.chain === "function" ? await options.chain() : options.chain, body);
  const runReference = () => (reference ??= start(inProcessTarget));

  for (const target of options.container === true
    ? [inProcessTarget, reusedEnvoyTarget, containerTarget]
    : [inProcessTarget, reusedEnvoyTarget]) {
    test(`${title} (${target.name})`, { timeout: options.timeout ?? 30_000 }, async (context) => {
      await requireTarget(target, context);
      if (target === inProcessTarget) return void (await runReference());
      // First, so that a failure of the body shows what this target did.
      const seen = await start(target);
      expect(seen, `${target.name} differs from the in-process host`).toEqual(await runReference());
    });
  }
}
