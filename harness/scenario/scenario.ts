import { expect, test } from "vitest";
import { containerTarget, reusedEnvoyTarget } from "../envoy/index.ts";
import { boundedTarget } from "../host/target/bounded.ts";
import { HostError } from "../host/errors.ts";
import { TargetError, type ChainSpec, type Target } from "../target/index.ts";
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
  /** Milliseconds that loading the chain, or one request, may take in the in-process host before its module is ended. Default: 10,000. */
  readonly timeLimit?: number;
}

/** Much for a request, whose time is virtual; little for who waits for a module that loops for ever. */
const TIME_LIMIT = 10_000;

/**
 * Declares one vitest test for each target: the in-process host, then an Envoy process, then, where asked for, a container. The body's own
 * expectations hold on each; and what could be observed (results, metrics, logs at info and above) must be the same on all, or
 * the later one fails with the difference. A target that this machine lacks is reported as NOT RUN; with
 * `MESHWRIGHT_REQUIRE_ALL_TARGETS=1` it fails.
 */
export function scenario(title: string, options: ScenarioOptions, body: (run: ScenarioRun) => Promise<void>): void {
  const inProcessTarget = boundedTarget(options.timeLimit ?? TIME_LIMIT);
  let reference: Promise<Transcript> | undefined;
  const start = async (target: Target) => play(target, typeof options.chain === "function" ? await options.chain() : options.chain, body);
  const runReference = () => (reference ??= start(inProcessTarget));

  for (const target of options.container === true
    ? [inProcessTarget, reusedEnvoyTarget, containerTarget]
    : [inProcessTarget, reusedEnvoyTarget]) {
    test(`${title} (${target.name})`, { timeout: options.timeout ?? 30_000 }, async (context) => {
      await requireTarget(target, context);
      if (target === inProcessTarget) return void (await runReference());
      // It would hang there, and take a worker of Envoy along.
      const endless = await runReference().then(() => undefined, overrunOf);
      if (endless !== undefined) throw endless;
      // Before the other's failure, so that one of the body shows what this target did.
      const seen = await start(target);
      expect(seen, `${target.name} differs from the in-process host`).toEqual(await runReference());
    });
  }
}

/** The error itself where a module was ended because it ran for too long. */
function overrunOf(error: unknown): Error | undefined {
  const reason = error instanceof TargetError ? error.cause : error;
  return error instanceof Error && reason instanceof HostError && reason.code === "time-limit" ? error : undefined;
}
