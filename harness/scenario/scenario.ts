import { expect, test } from "vitest";
import { containerTarget, envoyTarget } from "../envoy/index.ts";
import { inProcessTarget } from "../host/index.ts";
import type { ChainSpec, ExchangeRequest, ExchangeResult, LogLine, RunningTarget, Target } from "../target/index.ts";
import { requireTarget } from "./require-target.ts";
import { comparedLogs, observe, type Transcript } from "./transcript.ts";

/** What the body of a scenario works with: a running chain of filters, wherever it runs. */
export interface ScenarioRun {
  readonly target: Target["name"];
  /** Sends a request and keeps what became of it for the comparison. */
  send(request: ExchangeRequest): Promise<ExchangeResult>;
  metrics(): ReturnType<RunningTarget["metrics"]>;
  logs(): ReturnType<RunningTarget["logs"]>;
}

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
  const runReference = () => (reference ??= play(inProcessTarget, options, body));

  for (const target of options.container === true ? [inProcessTarget, envoyTarget, containerTarget] : [inProcessTarget, envoyTarget]) {
    test(`${title} (${target.name})`, { timeout: options.timeout ?? 30_000 }, async (context) => {
      await requireTarget(target, context);
      if (target === inProcessTarget) return void (await runReference());
      // First, so that a failure of the body shows what this target did.
      const seen = await play(target, options, body);
      expect(seen, `${target.name} differs from the in-process host`).toEqual(await runReference());
    });
  }
}

async function play(target: Target, options: ScenarioOptions, body: (run: ScenarioRun) => Promise<void>): Promise<Transcript> {
  const chain = typeof options.chain === "function" ? await options.chain() : options.chain;
  const exchanges: Array<Transcript["exchanges"][number]> = [];
  await using running = await target.start(chain);
  const run: ScenarioRun = {
    target: target.name,
    async send(request) {
      const result = await running.send(request);
      exchanges.push({ request, result: observe(result) });
      return result;
    },
    metrics: () => running.metrics(),
    logs: () => running.logs(),
  };
  try {
    await body(run);
  } catch (error) {
    throw withLogs(error, target.name, await running.logs());
  }
  return { exchanges, metrics: await running.metrics(), logs: comparedLogs(await running.logs()) };
}

/** Lines that are shown at most, the last ones. */
const SHOWN = 40;

/** What failed, with what was logged until then: the reason often stands there. */
function withLogs(error: unknown, target: Target["name"], logs: readonly LogLine[]): unknown {
  if (!(error instanceof Error) || logs.length === 0) return error;
  const lines = logs.slice(-SHOWN).map(({ level, message }) => `  ${level}: ${message}`);
  error.message += `\n\nLogged by the filters (${target}${logs.length > SHOWN ? `, the last ${SHOWN} of ${logs.length} lines` : ""}):\n${lines.join("\n")}`;
  return error;
}
