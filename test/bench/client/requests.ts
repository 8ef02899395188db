import type { HeaderList } from "../../../harness/target/index.ts";

export interface Asked {
  readonly headers: HeaderList;
  /** Whether the answer must be a 200; else it must be another. */
  readonly allowed: boolean;
}

/** What a connection sends. */
export interface Requests {
  /** Sent once, before all others. Headers that others share with it are sent as references to it. */
  readonly first: HeaderList;
  /** The request with the number `i`, from 0. */
  at(i: number): Asked;
  /** How many there are before they come again; Infinity where each is new, which then is made when it is sent. */
  readonly count: number;
}

/** One request over and over. */
export function repeated(headers: HeaderList): Requests {
  return { first: headers, at: () => ({ headers, allowed: true }), count: 1 };
}

/** Requests in turn, all of which are allowed; the first is also sent before them. */
export function inTurn(requests: readonly HeaderList[]): Requests {
  const at = (i: number) => ({ headers: requests[i % requests.length] ?? [], allowed: true });
  return { first: at(0).headers, at, count: requests.length };
}

/** After how many batches of `size` they are the same again. */
export function period({ count }: Requests, size: number): number {
  if (!Number.isFinite(count)) return count;
  let batches = 1;
  while ((batches * size) % count !== 0) batches++;
  return batches;
}
