import { type Load, type LoadCounts, startLoad } from "../../harness/load/index.ts";
import type { Mesh } from "../../harness/mesh/index.ts";
import { until } from "../../harness/until.ts";
import { CALLERS, GATEWAY } from "./chaos-mesh.ts";

/** Requests per second of each caller, and how many at the most are on their way. */
export const RATE = 40;
export const IN_FLIGHT = 32;

export interface TrafficOptions {
  /** Default: `GET`. */
  readonly method?: "GET" | "POST";
  /** {@link CALLERS}, or the gateway, to which requests come from outside. Default: all callers. */
  readonly callers?: readonly string[];
}

/** What became of the requests of some time. */
export interface Figures {
  readonly sent: number;
  /** Without a whole answer. */
  readonly lost: number;
  /** Answered otherwise than by the service: an Envoy's 503 is one, and another request's answer. */
  readonly wrong: number;
  /** Milliseconds, the longest, in which a caller that sends without end got no answer. */
  readonly gap: number;
}

/** Constant load from every caller, by way of its sidecar; each answer has to be its request's. */
export class Traffic implements AsyncDisposable {
  private readonly loads = new Map<string, { readonly load: Load; readonly gaps: Gaps }>();

  private constructor(mesh: Mesh, { method = "GET", callers = CALLERS }: TrafficOptions) {
    for (const caller of callers) {
      const gaps = new Gaps();
      const load = startLoad({
        ...(caller === GATEWAY
          ? { url: "http://reviews.default.svc.cluster.local/", via: mesh.gateway(caller) }
          : { url: "http://reviews:9080/", via: mesh.workload(caller) }),
        method,
        ...(method === "POST" && { body: "a review" }),
        rate: RATE,
        connections: IN_FLIGHT,
        timeout: 30_000,
        request: (index) => ({ path: `/${caller}/${index}` }),
        check: ({ status, body }, { path }) => {
          if (status !== 200) return `status ${status}: ${body.slice(0, 120)}`;
          if (body !== `reviews ${path}`) return "another answer";
          gaps.answered();
          return true;
        },
      });
      this.loads.set(caller, { load, gaps });
    }
  }

  /** Starts it, and waits until answers come. */
  static async start(mesh: Mesh, options: TrafficOptions = {}): Promise<Traffic> {
    const traffic = new Traffic(mesh, options);
    await traffic.more();
    return traffic;
  }

  /** Waits until every caller has got as many more answers as the service gives. */
  async more(answers = 20): Promise<void> {
    const before = new Map([...this.loads].map(([caller, { load }]) => [caller, load.counts.answered]));
    for (const [caller, { load }] of this.loads)
      await until(
        `${caller} has got ${answers} more answers`,
        () => load.counts,
        ({ answered }) => answered >= (before.get(caller) ?? 0) + answers,
        { timeout: 60_000 },
      );
  }

  of(caller: string): LoadCounts {
    const counts = this.loads.get(caller)?.load.counts;
    if (counts === undefined) throw new Error(`${caller} sends nothing`);
    return counts;
  }

  /** Milliseconds in which so great a share of each caller's requests was answered, of those that it sent meanwhile. */
  async latencies(share: number, meanwhile: Promise<void>): Promise<readonly number[]> {
    const windows = await Promise.all(Array.from(this.loads.values(), ({ load }) => load.during(() => meanwhile)));
    return windows.map((window) => window.latency(share));
  }

  /** Ends it when something has become of every request. */
  async stop(): Promise<Figures> {
    const counts = await Promise.all([...this.loads.values()].map(({ load }) => load.stop()));
    const sum = (name: "sent" | "lost" | "wrong") => counts.reduce((total, each) => total + each[name], 0);
    const gap = Math.max(...[...this.loads.values()].map(({ gaps }) => gaps.longest));
    return { sent: sum("sent"), lost: sum("lost"), wrong: sum("wrong"), gap: Math.round(gap) };
  }

  /** The evidence. */
  toString(): string {
    return [...this.loads].map(([caller, { load }]) => `${caller}: ${load.toString()}`).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Times without an answer. */
class Gaps {
  longest = 0;
  private last = performance.now();

  answered(): void {
    const now = performance.now();
    this.longest = Math.max(this.longest, now - this.last);
    this.last = now;
  }
}
