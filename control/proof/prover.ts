import { Worker } from "node:worker_threads";
import type { ProofCommand, ProofReply, ThreadReady, ThreadStart } from "./messages.ts";
import { GOOD, keyOf, type ProofRequest, type Verdict } from "./request.ts";

export interface ProverOptions {
  /** Milliseconds that one proof may take: what Envoy's main thread would hang for. Default: 5,000. */
  readonly timeLimit?: number;
  /** Bytes that a module's memory may grow to while it is configured. Default: 256 MiB. */
  readonly memoryLimit?: number;
  /** Milliseconds without work after which the thread ends. Default: 30,000. */
  readonly idle?: number;
  /** Verdicts that are kept. Default: 10,000. */
  readonly kept?: number;
  /** Hears how every proof ended and how many seconds it took, waiting not counted. */
  readonly onProof?: (verdict: Verdict, seconds: number) => void;
}

interface Job {
  readonly key: string;
  readonly request: ProofRequest;
  readonly verdict: Promise<Verdict>;
  readonly settle: (verdict: Verdict) => void;
  /** Somebody waits for it; else it may come after everything else. */
  urgent: boolean;
  /** How often a thread ended under it. */
  deaths: number;
}

/** A thread, and what it has been told. */
interface Thread {
  readonly worker: Worker;
  readonly modules: Set<string>;
  /** It has loaded what it needs, and takes commands. */
  ready: boolean;
}

/** A thread that starts may have to wait for a machine that is busy; its own start is not the module's time. */
const START = 10_000;
/** A module under which threads end is to blame when it happens again. */
const MOST_DEATHS = 2;

/**
 * Loads configurations into their modules, in a thread of its own, one after the other, and remembers what became of each by content. The thread starts with the first proof, and whatever
 * happens in it ends it at most: what loops is ended when its time is over, and refused.
 */
export class Prover implements AsyncDisposable {
  private readonly options: Required<Omit<ProverOptions, "onProof">> & Pick<ProverOptions, "onProof">;
  private readonly verdicts = new Map<string, Verdict>();
  private readonly jobs = new Map<string, Job>();
  private running: { readonly job: Job; readonly since: number } | undefined;
  private thread: Thread | undefined;
  private timer: NodeJS.Timeout | undefined;
  private ids = 0;
  private closed = false;

  constructor({ timeLimit = 5_000, memoryLimit = 256 * 1024 * 1024, idle = 30_000, kept = 10_000, onProof }: ProverOptions = {}) {
    this.options = { timeLimit, memoryLimit, idle, kept, ...(onProof === undefined ? {} : { onProof }) };
  }

  /** What is known already. */
  known(request: ProofRequest): Verdict | undefined {
    const key = keyOf(request);
    const verdict = this.verdicts.get(key);
    if (verdict === undefined) return undefined;
    // The one that was asked for last is forgotten last.
    this.verdicts.delete(key);
    this.verdicts.set(key, verdict);
    return verdict;
  }

  /**
   * What the module says. Never rejects: what cannot be found out is refused, with the reason.
   *
   * @param urgent whether somebody waits for it: it goes before what nobody waits for
   */
  prove(request: ProofRequest, urgent = true): Promise<Verdict> {
    const verdict = this.known(request);
    if (verdict !== undefined) return Promise.resolve(verdict);
    const key = keyOf(request);
    let job = this.jobs.get(key);
    if (job === undefined) {
      const { promise, resolve } = Promise.withResolvers<Verdict>();
      this.jobs.set(key, (job = { key, request, verdict: promise, settle: resolve, urgent, deaths: 0 }));
    }
    job.urgent ||= urgent;
    this.next();
    return job.verdict;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    for (const { settle } of this.jobs.values()) settle({ good: false, reason: "the control service ended before it was proved" });
    this.jobs.clear();
    this.running = undefined;
    const { thread } = this;
    this.thread = undefined;
    await thread?.worker.terminate();
  }

  private next(): void {
    if (this.running !== undefined || this.closed) return;
    clearTimeout(this.timer);
    const job = this.first();
    if (job === undefined) {
      this.timer = setTimeout(() => this.stop(), this.options.idle);
      this.timer.unref();
      return;
    }
    this.running = { job, since: performance.now() };
    this.thread ??= this.start();
    if (this.thread.ready) this.send(this.thread, job);
    else this.limit(START, `the thread that loads modules did not start within ${START} ms`);
  }

  private send({ worker, modules }: Thread, job: Job): void {
    const { module, ...rest } = job.request;
    const bytes = modules.has(module.sha256) ? {} : { bytes: module.bytes };
    modules.add(module.sha256);
    this.running = { job, since: performance.now() };
    worker.postMessage({ ...rest, ...bytes, id: ++this.ids, sha256: module.sha256 } satisfies ProofCommand);
    const { timeLimit } = this.options;
    this.limit(timeLimit, `ran longer than ${timeLimit} ms and was ended: it would block a proxy for ever`);
  }

  /** Refuses the proof that runs, when its time is over. */
  private limit(milliseconds: number, reason: string): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.stop();
      this.done({ good: false, reason });
    }, milliseconds);
  }

  private first(): Job | undefined {
    for (const job of this.jobs.values()) if (job.urgent) return job;
    const [job] = this.jobs.values();
    return job;
  }

  private start(): Thread {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const workerData: ThreadStart = { memoryLimit: this.options.memoryLimit };
    const worker = new Worker(new URL(`./worker-main.${extension}`, import.meta.url), {
      workerData,
      // What is read from a configuration is the module's; the thread itself needs little.
      resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8 },
    });
    worker.unref();
    const thread: Thread = { worker, modules: new Set(), ready: false };
    worker.on("message", (reply: ThreadReady | ProofReply) => {
      if (this.thread !== thread) return;
      if ("ready" in reply) {
        thread.ready = true;
        if (this.running !== undefined) this.send(thread, this.running.job);
      } else if (reply.id === this.ids) this.done(reply.reason === undefined ? GOOD : { good: false, reason: reply.reason });
    });
    // "exit" follows.
    let error: Error | undefined;
    worker.on("error", (thrown: Error) => (error = thrown));
    worker.on("exit", () => this.died(thread, error?.message ?? "the thread ended"));
    return thread;
  }

  private died(thread: Thread, reason: string): void {
    if (this.thread !== thread) return;
    this.thread = undefined;
    clearTimeout(this.timer);
    if (this.running === undefined) return;
    const { job } = this.running;
    job.deaths += 1;
    if (job.deaths >= MOST_DEATHS) this.done({ good: false, reason: `ended the thread that loaded it: ${reason}` });
    else {
      this.running = undefined;
      this.next();
    }
  }

  private stop(): void {
    const { thread } = this;
    this.thread = undefined;
    void thread?.worker.terminate();
  }

  private done(verdict: Verdict): void {
    clearTimeout(this.timer);
    if (this.running === undefined) return;
    const { job, since } = this.running;
    this.running = undefined;
    this.jobs.delete(job.key);
    this.verdicts.set(job.key, verdict);
    if (this.verdicts.size > this.options.kept) this.verdicts.delete(this.verdicts.keys().next().value ?? "");
    this.options.onProof?.(verdict, (performance.now() - since) / 1000);
    job.settle(verdict);
    this.next();
  }
}
