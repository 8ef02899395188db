import type { HeaderList } from "../../../harness/target/index.ts";
import type { BenchBootstrap } from "../envoy/bootstrap.ts";

/** One of the things that a run compares: an Envoy, the request that it gets, and what must come back. */
export interface Variant {
  readonly id: string;
  /** As the table calls it. */
  readonly title: string;
  /** What Envoy runs, or why this machine cannot run it. Builds a module where it must. */
  prepare(): Promise<Prepared>;
  readonly request: HeaderList;
  /** What the filters must do to that request; none is checked where absent. */
  readonly expected?: Expected;
  /** Streams held open while it is measured. Default: 0. */
  readonly liveStreams?: number;
}

export type Prepared = BenchBootstrap | { readonly missing: string };

export interface Expected {
  /** The request header `x-route` as it left the filters. */
  readonly route: string;
  /** The response header `x-filter`. */
  readonly filter: string;
}
