import type { HeaderList } from "../../../harness/target/index.ts";
import { repeated, type Requests } from "../client/requests.ts";
import type { BenchBootstrap } from "../envoy/bootstrap.ts";

/** One of the things that a run compares: an Envoy, the requests that it gets, and what must come back. */
export interface Variant {
  readonly id: string;
  /** As the table calls it. */
  readonly title: string;
  /** What Envoy runs, or why this machine cannot run it. Builds a module where it must. */
  prepare(): Promise<Prepared>;
  /** It must get a 200. */
  readonly request: HeaderList;
  /** What is sent while it is measured. Default: `request` over and over. */
  readonly requests?: Requests;
  /** What the filters must do to `request`; none is checked where absent. */
  readonly expected?: Expected;
  /** A request that they must refuse. */
  readonly refused?: HeaderList;
  /** Streams held open while it is measured. Default: 0. */
  readonly liveStreams?: number;
  /** What is wrong with a measurement, by Envoy's counters after it; `undefined` where nothing is. */
  check?(counters: Counters): string | undefined;
}

export type Prepared = BenchBootstrap | { readonly missing: string };

/** Headers of the answer of the listener `echo`, by name; undefined: there is none. */
export type Expected = Readonly<Record<string, string | undefined>>;

/** Envoy's counters by name; those that were never counted are missing. */
export type Counters = ReadonlyMap<string, number>;

export function requestsOf({ request, requests }: Variant): Requests {
  return requests ?? repeated(request);
}
