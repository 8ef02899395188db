import type { ChainSpec, ExchangeRequest, ExchangeResult, LogLine, RunningTarget, Target } from "../target/index.ts";
import { withEvidence } from "../target/evidence.ts";
import { comparedLogs, observe, type Transcript } from "./transcript.ts";

/** What the body of a scenario works with: a running chain of filters, wherever it runs. */
export interface ScenarioRun {
  readonly target: Target["name"];
  /** Sends a request and keeps what became of it for the comparison. */
  send(request: ExchangeRequest): Promise<ExchangeResult>;
  /** As {@link send} of each, one after the other, which takes the in-process host less time. */
  sendAll(requests: readonly ExchangeRequest[]): Promise<readonly ExchangeResult[]>;
  metrics(): ReturnType<RunningTarget["metrics"]>;
  logs(): ReturnType<RunningTarget["logs"]>;
}

/** Runs a body on one target and returns what could be seen. The target is closed at the end, also where the body throws. */
export async function play(target: Target, chain: ChainSpec, body: (run: ScenarioRun) => Promise<void>): Promise<Transcript> {
  const exchanges: Array<Transcript["exchanges"][number]> = [];
  await using running = await target.start(chain);
  const keep = (request: ExchangeRequest, result: ExchangeResult): ExchangeResult => {
    exchanges.push({ request, result: observe(result) });
    // All that was logged is shown at the end.
    return withEvidence(result, { request, logs: [] }, run);
  };
  const run: ScenarioRun = {
    target: target.name,
    send: async (request) => keep(request, await running.send(request)),
    async sendAll(requests) {
      const results = await (running.sendAll?.(requests) ?? sendEach(running, requests));
      return requests.map((request, index) => keep(request, results[index] as ExchangeResult));
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

async function sendEach(running: RunningTarget, requests: readonly ExchangeRequest[]): Promise<readonly ExchangeResult[]> {
  const results: ExchangeResult[] = [];
  for (const request of requests) results.push(await running.send(request));
  return results;
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
