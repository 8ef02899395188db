import type { ExchangeRequest } from "../../../harness/target/index.ts";

/** Requests that are told apart at a time: about 100 MB. Of those beyond, each is run. */
const MOST = 200_000;

/**
 * Finds requests that are the same but for what tells nothing (an id, and the header `x-request-id`), so that they are run once: nothing in what runs them counts requests or throws dice.
 */
export class Distinct<Result> {
  private readonly known = new Map<string, Promise<Result>>();
  private count = 0;

  /** How many were run. */
  get size(): number {
    return this.count;
  }

  find(request: ExchangeRequest, run: () => Promise<Result>): Promise<Result> {
    const key = keyOf(request);
    let result = this.known.get(key);
    if (result === undefined) {
      this.count++;
      result = run();
      if (this.known.size < MOST) this.known.set(key, result);
    }
    return result;
  }
}

function keyOf({ id: _, headers = [], ...request }: ExchangeRequest): string {
  return JSON.stringify([
    Object.entries(request).sort(([a], [b]) => (a < b ? -1 : 1)),
    headers.filter(([name]) => name.toLowerCase() !== "x-request-id"),
  ]);
}
