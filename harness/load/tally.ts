import { LoadAnswer, type LoadRequest, type Outcome } from "./exchange.ts";
import { Latencies } from "./latencies.ts";

/** What became of requests. `sent = answered + lost + wrong + open`, always: each is one of them. */
export interface LoadCounts {
  /** Given to a connection, or to one that could not be made. */
  readonly sent: number;
  /** Wholly, and as `check` wants it. */
  readonly answered: number;
  /** Without a whole answer; `reasons` says why. */
  readonly lost: number;
  /** Answered wholly, but not as `check` wants it. */
  readonly wrong: number;
  /** On their way. */
  readonly open: number;
  /** Whole answers, right and wrong, by status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Lost and wrong ones, by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Sent once more on another connection, with `retryReused`; each is one request all the same. */
  readonly retried: number;
  /** Of an open loop: sent more than 50 ms after they were due, since all connections were busy, or this process was. */
  readonly late: number;
  /** Of an open loop: due when the count ended, but never sent. */
  readonly unsent: number;
}

/** A request that was lost or answered wrongly. */
export interface LoadFailure {
  /** When it was sent (RFC 3339), and how many milliseconds later this was known. */
  readonly at: string;
  readonly after: number;
  readonly kind: "lost" | "wrong";
  readonly reason: string;
  /** Which of the load's connections, from 0 on. */
  readonly connection: number;
  readonly request: LoadRequest;
  /** The answer, where one came; of its body the first 1,000 characters. */
  readonly answer?: { readonly status: number; readonly headers: LoadAnswer["headers"]; readonly body: string };
}

/** One request that is counted. */
export interface Counted {
  readonly request: LoadRequest;
  readonly connection: number;
  readonly sentAt: number;
  /** When it was to be sent. */
  readonly due: number;
}

/** The first of them are kept, and each new kind of failure once more. */
const MOST_FAILURES = 20;
const LATE = 50;

/** Counts of requests, while they come in. */
export class Tally {
  private readonly counted = { sent: 0, answered: 0, lost: 0, wrong: 0, retried: 0, late: 0, unsent: 0 };
  private readonly statuses: Record<number, number> = {};
  private readonly reasons: Record<string, number> = {};
  private readonly latencies = new Latencies();
  /** The first that were lost or answered wrongly, and the first of each reason. */
  readonly failures: LoadFailure[] = [];

  get counts(): LoadCounts {
    return { ...this.counted, open: this.open, statuses: { ...this.statuses }, reasons: { ...this.reasons } };
  }

  get open(): number {
    const { sent, answered, lost, wrong } = this.counted;
    return sent - answered - lost - wrong;
  }

  /** Milliseconds from when a request was due until its answer was whole, which so great a share of answers did not exceed; 2 % exact. */
  latency(share: number): number {
    return this.latencies.quantile(share);
  }

  send({ sentAt, due }: Counted): void {
    this.counted.sent++;
    if (sentAt - due > LATE) this.counted.late++;
  }

  retry(): void {
    this.counted.retried++;
  }

  missed(requests: number): void {
    this.counted.unsent += requests;
  }

  /** @param wrong why the answer is none that is wanted */
  end(counted: Counted, outcome: Outcome, wrong: string | undefined): void {
    const now = performance.now();
    const isAnswer = outcome instanceof LoadAnswer;
    if (isAnswer) {
      this.statuses[outcome.status] = (this.statuses[outcome.status] ?? 0) + 1;
      this.latencies.add(now - counted.due);
    }
    const reason = isAnswer ? wrong : outcome.reason;
    this.counted[!isAnswer ? "lost" : wrong === undefined ? "answered" : "wrong"]++;
    if (reason === undefined) return;
    const before = this.reasons[reason] ?? 0;
    this.reasons[reason] = before + 1;
    if (this.failures.length >= MOST_FAILURES && (before > 0 || this.failures.length >= 2 * MOST_FAILURES)) return;
    const { connection, request, sentAt } = counted;
    this.failures.push({
      at: new Date(performance.timeOrigin + sentAt).toISOString(),
      after: Math.round(now - sentAt),
      kind: isAnswer ? "wrong" : "lost",
      reason,
      connection,
      request,
      ...(isAnswer ? { answer: { status: outcome.status, headers: outcome.headers, body: outcome.body.slice(0, 1_000) } } : {}),
    });
  }
}
