import type { ExchangeRequest } from "../../../harness/target/index.ts";
import type { Behaviour, Cause } from "./behaviour.ts";

/** A request, and what becomes of it before and after. */
export interface Example {
  readonly line: number;
  readonly request: ExchangeRequest;
  readonly before: Outcome;
  readonly after: Outcome;
}

/** In short what became of a request; as `meshwright try` prints it, without the messages. */
export interface Outcome {
  readonly outcome: string;
  readonly status: number;
  readonly details: string;
  /** Which object routes it, where one does. */
  readonly route?: string;
  /** Clusters, with their shares where there are several. */
  readonly destinations?: string;
}

/** Requests that are treated differently for the same reason. */
export interface RequestGroup extends Cause {
  readonly count: number;
  readonly example: Example;
}

/** Causes that are told apart; beyond that they are one. */
const MOST = 1_000;

/** Counts requests by why they are treated differently. */
export class RequestGroups {
  private readonly groups = new Map<string, { cause: Cause; count: number; example: Example }>();

  /** @returns how to count others that are the same */
  add(cause: Cause, line: number, request: ExchangeRequest, before: Behaviour, after: Behaviour): () => void {
    const { aspect } = cause;
    const known = this.groups.has(keyOf(cause)) || this.groups.size < MOST;
    const key = known ? keyOf(cause) : aspect;
    let group = this.groups.get(key);
    if (group === undefined) {
      const example = { line, request, before: outcomeOf(before), after: outcomeOf(after) };
      group = { cause: known ? cause : { aspect, before: "many more", after: "many more" }, count: 0, example };
      this.groups.set(key, group);
    }
    const found = group;
    return () => void found.count++;
  }

  /** Those with most requests first. */
  all(): readonly RequestGroup[] {
    return Array.from(this.groups.values(), ({ cause, count, example }) => ({ ...cause, count, example })).sort(
      (a, b) => b.count - a.count,
    );
  }
}

function keyOf({ aspect, before, after }: Cause): string {
  return JSON.stringify([aspect, before, after]);
}

function outcomeOf({ result: { outcome, status, details }, route, destinations }: Behaviour): Outcome {
  return { outcome, status, details, ...(route === "" ? {} : { route }), ...(destinations === "" ? {} : { destinations }) };
}
