import { inProcessTarget } from "../host/target/index.ts";
import type { ChainSpec, ExchangeRequest, ExchangeResult, RunningTarget, Target } from "../target/index.ts";
import type { Corpus } from "./corpus.ts";
import type { Dictionary } from "./dictionary.ts";
import { differences, isSame, type Finding } from "./finding.ts";
import { History } from "./history.ts";
import { HostRun, NOT_SUPPORTED, pathOf, type HostOutcome } from "./host-run.ts";
import { Choices } from "./random.ts";
import { makeRequest, mutateRequest } from "./requests.ts";
import { shrink } from "./shrink.ts";
import { Times } from "./times.ts";

export interface FuzzOptions {
  readonly chain: ChainSpec;
  readonly dictionary: Dictionary;
  readonly corpus: Corpus;
  readonly seed: number;
  /** Where requests run besides the host; only there where absent. */
  readonly envoy?: Target;
  /** Requests at most. */
  readonly count: number;
  /** Milliseconds of the clock at which no further request is made. */
  readonly deadline: number;
  readonly now: () => number;
  /** Whether the outcome of a request may not depend on those before it. */
  readonly stateless: boolean;
  readonly onProgress: (progress: FuzzProgress) => void;
}

export interface FuzzProgress {
  readonly requests: number;
  /** Ways through the module that were seen; see `pathOf`. */
  readonly paths: number;
  /** Differences that are not the module's, because they are there without it, or that could not be had again. */
  readonly passedOver: number;
  readonly shrinking?: string;
}

/** Requests that go to Envoy together. They begin one after the other, in their order. */
const BATCH = 64;
/** Milliseconds that making a finding small may take beyond the deadline. */
const SHRINKING = 60_000;
/** Requests before a difference that are tried with it, when it cannot be had alone. */
const HISTORY = 500;
/** Milliseconds for a request in Envoy: more than its `stream_idle_timeout`. */
const ENVOY_LIMIT = 45_000;
/** A share of requests is sent alone, too. */
const ALONE = 0.25;
/** Requests until a runtime has what it keeps; then the same one is repeated so often, twice. */
const SETTLED = 300;
const REPEATED = 1_500;

/** A request that the host has answered. */
interface Sent extends Pick<HostOutcome, "isRace"> {
  readonly request: ExchangeRequest;
  readonly result: ExchangeResult;
}

/** Makes requests, runs them, and stops at the first finding, made small. */
export class Fuzzer {
  private readonly options: FuzzOptions;
  private readonly choices: Choices;
  private readonly times: Times;
  private readonly paths = new Set<string>();
  private history = new History();
  private requests = 0;
  private passedOver = 0;
  private checkedMemory = 0;
  private scratch: HostRun | undefined;

  constructor(options: FuzzOptions) {
    this.options = options;
    this.choices = new Choices(options.seed);
    this.times = new Times(options.seed);
  }

  /** The first finding; `undefined` where time or number ran out before. Rejects with `TargetError` where the chain does not start. */
  async run(): Promise<{ readonly finding: Finding | undefined; readonly progress: FuzzProgress }> {
    try {
      let finding: Finding | undefined;
      do finding = await this.round();
      while (finding === undefined && !this.over());
      return { finding: finding && (await this.shrunk(finding)), progress: this.progress() };
    } finally {
      await this.scratch?.[Symbol.asyncDispose]();
    }
  }

  /** From one start of host and Envoy to a finding, to a difference that is passed over, or to the end. */
  private async round(): Promise<Finding | undefined> {
    const { chain, envoy, corpus } = this.options;
    this.history = new History();
    await using host = await HostRun.start(chain);
    await using running = await envoy?.start(chain);
    const known = corpus.take();
    while (!this.over() || known.length > 0) {
      const batch: Sent[] = [];
      while (batch.length < BATCH && (!this.over() || known.length > 0)) {
        const request = this.at(await this.repeatable(known.shift() ?? this.make()));
        const { result, wrong, isRace } = await this.sendToHost(host, request);
        if (wrong !== undefined || result === undefined) return wrong && { ...wrong, requests: await this.needed(wrong, request) };
        const found = (await this.checkState(request, result)) ?? (await this.checkMemory(host, request));
        if (found !== undefined) return found;
        batch.push({ request, result, isRace });
      }
      this.options.onProgress(this.progress());
      const verdict = running === undefined ? undefined : await this.compare(running, batch);
      if (verdict === "passed over") return undefined;
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  }

  private make(): ExchangeRequest {
    const { corpus, dictionary } = this.options;
    const entry = this.choices.chance(0.5) ? corpus.any(this.choices) : undefined;
    if (entry === undefined) return makeRequest(this.choices, dictionary);
    // When it comes is chosen anew: at the times of the corpus the clock would go back most of the time.
    const { time: _, ...mutated } = mutateRequest(entry, this.choices, dictionary);
    return mutated;
  }

  /** `request` at a time: its own, or the next one. In Envoy, whose clock is the machine's, at none. */
  private at(request: ExchangeRequest): ExchangeRequest {
    const { time = this.times.next(), ...rest } = request;
    return this.options.envoy === undefined ? { ...rest, time } : rest;
  }

  /** `request`, whose client does not give up where nobody could say what Envoy has done by then. */
  private async repeatable(request: ExchangeRequest): Promise<ExchangeRequest> {
    if (request.reset === undefined || this.options.envoy === undefined) return request;
    if (!(await (await this.fresh()).send(request)).isRace) return request;
    const { reset: _, ...patient } = request;
    return patient;
  }

  private async sendToHost(host: HostRun, request: ExchangeRequest): ReturnType<HostRun["send"]> {
    this.requests++;
    const outcome = await host.send(request);
    this.history.add(request);
    const path = pathOf(outcome.callbacks);
    if (!this.paths.has(path)) {
      this.paths.add(path);
      this.options.dictionary.learn(outcome.callbacks);
      if (outcome.wrong === undefined) this.options.corpus.add(request);
    }
    return outcome;
  }

  /** The least of the history with which something of the host can be had again. */
  private async needed(wrong: Omit<Finding, "requests">, request: ExchangeRequest): Promise<readonly ExchangeRequest[]> {
    const again = await this.findInHost([request]);
    return again !== undefined && isSame(again, { ...wrong, requests: [] }) ? [request] : this.history.last();
  }

  private async checkState(request: ExchangeRequest, result: ExchangeResult): Promise<Finding | undefined> {
    if (!this.options.stateless || !this.choices.chance(ALONE)) return undefined;
    const { result: other } = await (await this.fresh()).send(request);
    const [different] = other === undefined ? [] : differences(result, other, ["after other requests", "alone"]);
    if (different === undefined) return undefined;
    const where = different.split(":", 1)[0] ?? "";
    return { kind: "state", where, message: `the outcome depends on earlier requests: ${different}`, requests: this.history.last() };
  }

  /** Whether the request for which the memory has just grown makes it grow for ever. */
  private async checkMemory(host: HostRun, request: ExchangeRequest): Promise<Finding | undefined> {
    const grown = host.memorySize > this.checkedMemory;
    this.checkedMemory = Math.max(this.checkedMemory, host.memorySize);
    if (!grown || this.history.length < SETTLED) return undefined;
    return this.repeat(request);
  }

  private async repeat(request: ExchangeRequest): Promise<Finding | undefined> {
    const alone = await this.fresh();
    const sizes: number[] = [];
    for (const times of [SETTLED, REPEATED, REPEATED]) {
      for (let i = 0; i < times; i++) if ((await alone.send(request)).wrong !== undefined) return undefined;
      sizes.push(alone.memorySize);
    }
    const [first = 0, second = 0, third = 0] = sizes;
    if (!(first < second && second < third)) return undefined;
    const each = Math.round((third - first) / (2 * REPEATED));
    return {
      kind: "memory",
      where: "leak",
      message: `every such request makes the memory grow, by about ${each} bytes`,
      requests: [request],
    };
  }

  /** Sends to Envoy what the host has answered. */
  private async compare(running: RunningTarget, batch: readonly Sent[]): Promise<Finding | "passed over" | undefined> {
    const answers = await Promise.all(batch.map(({ request }) => sendToEnvoy(running, request)));
    for (const [index, { request, result, isRace }] of batch.entries()) {
      const finding = difference(result, answers[index], request);
      if (finding === undefined || (isRace && finding.kind === "difference")) continue;
      const before = this.history.last(HISTORY, batch.length - index);
      for (const requests of [[request], [...before, request]]) {
        const again = await this.findInEnvoy(requests);
        if (again === undefined) continue;
        if (again.kind === "difference" && (await this.findWithoutFilter(requests))?.where === again.where) break;
        return again;
      }
      this.passedOver++;
      return "passed over";
    }
    return undefined;
  }

  /** A chain that has seen nothing. A thread is kept for it, because starting one takes longer than most requests. */
  private async fresh(): Promise<HostRun> {
    if (this.scratch?.alive === true) await this.scratch.restart();
    else {
      await this.scratch?.[Symbol.asyncDispose]();
      this.scratch = await HostRun.start(this.options.chain);
    }
    return this.scratch;
  }

  private async findInHost(requests: readonly ExchangeRequest[]): Promise<Finding | undefined> {
    const host = await this.fresh();
    for (const request of requests) {
      const { wrong } = await host.send(request);
      if (wrong !== undefined) return { ...wrong, requests };
    }
    return undefined;
  }

  /** Runs requests on a fresh host and a fresh Envoy; what differs first. */
  private async findInEnvoy(requests: readonly ExchangeRequest[]): Promise<Finding | undefined> {
    const { envoy, chain } = this.options;
    if (envoy === undefined) return undefined;
    const host = await this.fresh();
    await using running = await envoy.start(chain);
    for (const request of requests) {
      const { result, wrong, isRace } = await host.send(request);
      if (result === undefined || wrong !== undefined) return undefined;
      const finding = difference(result, await sendToEnvoy(running, request), request);
      if (finding !== undefined && !(isRace && finding.kind === "difference")) return { ...finding, requests };
    }
    return undefined;
  }

  /** What differs first where no filter is there: that is no fault of the module, but of the host. */
  private async findWithoutFilter(requests: readonly ExchangeRequest[]): Promise<Finding | undefined> {
    const { envoy, chain } = this.options;
    if (envoy === undefined) return undefined;
    const bare = { ...chain, filters: [], upstreamFilters: [] };
    await using host = await inProcessTarget.start(bare);
    await using running = await envoy.start(bare);
    for (const request of requests) {
      const finding = difference(await host.send(request), await sendToEnvoy(running, request), request);
      if (finding !== undefined) return finding;
    }
    return undefined;
  }

  private async shrunk(finding: Finding): Promise<Finding> {
    const end = this.options.now() + SHRINKING;
    let last = finding;
    const fails = async (requests: readonly ExchangeRequest[]) => {
      // Two runs have two times of their own, for which alone outcomes may differ.
      if (finding.kind === "state" && this.options.envoy === undefined && requests.some(({ time }) => time === undefined)) return false;
      const again = await this.again(finding, requests);
      if (again === undefined || !isSame(again, finding)) return false;
      last = again;
      this.options.onProgress({ ...this.progress(), shrinking: `${finding.kind}, ${requests.length} requests` });
      return true;
    };
    await shrink(finding.requests, fails, () => this.options.now() > end);
    return last;
  }

  private async again(finding: Finding, requests: readonly ExchangeRequest[]): Promise<Finding | undefined> {
    if (finding.where === NOT_SUPPORTED) return this.findInHost(requests);
    if (finding.kind === "difference" || finding.kind === "envoy") return this.findInEnvoy(requests);
    if (finding.kind !== "state" && finding.where !== "leak") return this.findInHost(requests);
    const request = requests.at(-1) ?? { path: "/" };
    if (finding.where === "leak") return this.repeat(request);
    const host = await this.fresh();
    let result: ExchangeResult | undefined;
    for (const each of requests) ({ result } = await host.send(each));
    const { result: other } = await (await this.fresh()).send(request);
    const [different] = result === undefined || other === undefined ? [] : differences(result, other, ["after other requests", "alone"]);
    return different === undefined
      ? undefined
      : {
          kind: "state",
          where: different.split(":", 1)[0] ?? "",
          message: `the outcome depends on earlier requests: ${different}`,
          requests,
        };
  }

  private over(): boolean {
    return this.requests >= this.options.count || this.options.now() >= this.options.deadline;
  }

  private progress(): FuzzProgress {
    return { requests: this.requests, paths: this.paths.size, passedOver: this.passedOver };
  }
}

async function sendToEnvoy(running: RunningTarget, request: ExchangeRequest): Promise<ExchangeResult | Error> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Envoy did not answer in ${ENVOY_LIMIT} ms`)), ENVOY_LIMIT);
  try {
    return await Promise.race([running.send(request), promise]);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    clearTimeout(timer);
  }
}

function difference(host: ExchangeResult, envoy: ExchangeResult | Error | undefined, request: ExchangeRequest): Finding | undefined {
  if (envoy === undefined || envoy instanceof Error)
    return { kind: "envoy", where: "", message: `Envoy failed: ${envoy?.message ?? "no answer"}`, requests: [request] };
  const [different] = differences(host, envoy, ["in the host", "in Envoy"]);
  if (different === undefined) return undefined;
  return {
    kind: "difference",
    where: different.split(":", 1)[0] ?? "",
    message: `host and Envoy differ: ${different}`,
    requests: [request],
  };
}
