import type { HostName } from "./host.ts";
import type { Labels } from "./labels.ts";
import type { MeshObject } from "./object.ts";
import type { FieldPath } from "./place.ts";
import type { ExportTo } from "./visibility.ts";

// How requests and connections to a host are routed, in the words of Istio's VirtualService. Times are milliseconds; percentages are 0 to 100.

export type StringMatch = { readonly exact: string } | { readonly prefix: string } | { readonly regex: string };

/** The rules of one object for its hosts. */
export interface Routing {
  /** In full (see `fullHost`). Empty for a delegate. */
  readonly hosts: readonly HostName[];
  /** `mesh` for sidecars, else `namespace/name` of Gateways. */
  readonly gateways: readonly string[];
  readonly exportTo: ExportTo;
  readonly http: readonly HttpRoute[];
  readonly tls: readonly TlsRoute[];
  readonly tcp: readonly TcpRoute[];
  readonly object: MeshObject;
}

export interface HttpRoute {
  readonly name: string;
  /** Alternatives; empty matches every request. */
  readonly match: readonly HttpMatch[];
  readonly route: readonly WeightedDestination[];
  readonly redirect: Redirect | undefined;
  readonly directResponse: DirectResponse | undefined;
  /** `namespace/name` of the object whose routes stand in the place of this one. */
  readonly delegate: { readonly namespace: string; readonly name: string } | undefined;
  readonly rewrite: Rewrite | undefined;
  /** Undefined: none. */
  readonly timeout: number | undefined;
  /** Undefined: the mesh's default. */
  readonly retries: Retries | undefined;
  readonly fault: Fault | undefined;
  /** Undefined where none of its fields is written. */
  readonly mirror: SingleMirror | undefined;
  readonly mirrors: readonly Mirror[];
  readonly cors: CorsPolicy | undefined;
  readonly headers: Headers;
  readonly object: MeshObject;
  /** Of this route in its object: `["spec", "http", 0]`. */
  readonly path: FieldPath;
}

export interface HttpMatch {
  readonly name: string;
  readonly uri: StringMatch | undefined;
  readonly ignoreUriCase: boolean;
  readonly scheme: StringMatch | undefined;
  readonly method: StringMatch | undefined;
  readonly authority: StringMatch | undefined;
  /** `present`: the header is there, whatever its value. `claim`: keys written as `@request.auth.claims.a.b`. */
  readonly headers: readonly HeaderMatch[];
  readonly withoutHeaders: readonly HeaderMatch[];
  readonly queryParams: readonly { readonly name: string; readonly value: StringMatch | "present" }[];
  readonly port: number | undefined;
  readonly sourceLabels: Labels;
  readonly sourceNamespace: string | undefined;
  /** Undefined: those of the object. */
  readonly gateways: readonly string[] | undefined;
  readonly statPrefix: string | undefined;
}

export interface HeaderMatch {
  readonly name: string;
  /** Path of the claim where the key was `@request.auth.claims...`; then `name` is that key. */
  readonly claim: readonly string[] | undefined;
  readonly value: StringMatch | "present";
}

export interface Destination {
  /** In full. */
  readonly host: HostName;
  readonly subset: string | undefined;
  readonly port: number | undefined;
}

export interface WeightedDestination {
  readonly destination: Destination;
  /** 0 to 100 by habit; with a single destination 0 counts as 100. */
  readonly weight: number;
  readonly headers: Headers;
}

export interface HeaderOperations {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

export interface Headers {
  readonly request: HeaderOperations;
  readonly response: HeaderOperations;
}

export interface Redirect {
  readonly uri: string | undefined;
  readonly uriPrefix: string | undefined;
  readonly authority: string | undefined;
  readonly scheme: string | undefined;
  readonly port: number | "from-protocol" | "from-request" | undefined;
  readonly code: number;
}

export interface DirectResponse {
  readonly status: number;
  readonly body: Uint8Array | undefined;
}

export interface Rewrite {
  readonly uri: string | undefined;
  readonly authority: string | undefined;
  readonly uriRegex: { readonly match: string; readonly rewrite: string } | undefined;
}

export interface Retries {
  /** 0: never. */
  readonly attempts: number;
  readonly perTryTimeout: number | undefined;
  readonly backoff: number | undefined;
  /** As written: Envoy's conditions, and status codes as numbers. Undefined: Istio's default. */
  readonly retryOn: string | undefined;
  readonly retryRemoteLocalities: boolean | undefined;
  readonly ignorePreviousHosts: boolean | undefined;
}

export interface Fault {
  readonly delay: { readonly fixedDelay: number; readonly percentage: number } | undefined;
  readonly abort: (({ readonly httpStatus: number } | { readonly grpcStatus: number }) & { readonly percentage: number }) | undefined;
}

export interface Mirror {
  readonly destination: Destination;
  readonly percentage: number;
}

/** The older fields `mirror`, `mirrorPercentage` and `mirrorPercent`. A delegate and its root may write some of them each, which Istio puts together one by one. */
export interface SingleMirror {
  readonly destination: Destination | undefined;
  readonly percentage: number | undefined;
  readonly percent: number | undefined;
}

/** Who gets copies of a route's requests: `mirror`, and those of `mirrors`. */
export function mirrorsOf({ mirror, mirrors }: Pick<HttpRoute, "mirror" | "mirrors">): readonly Mirror[] {
  if (mirror?.destination === undefined) return mirrors;
  return [{ destination: mirror.destination, percentage: mirror.percentage ?? mirror.percent ?? 100 }, ...mirrors];
}

export interface CorsPolicy {
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAge: number | undefined;
  readonly allowCredentials: boolean | undefined;
  readonly unmatchedPreflights: "FORWARD" | "IGNORE";
}

export interface TlsRoute {
  readonly match: readonly TlsMatch[];
  readonly route: readonly WeightedDestination[];
  readonly path: FieldPath;
  readonly object: MeshObject;
}

export interface TlsMatch extends Layer4Match {
  readonly sniHosts: readonly HostName[];
}

export interface TcpRoute {
  readonly match: readonly Layer4Match[];
  readonly route: readonly WeightedDestination[];
  readonly path: FieldPath;
  readonly object: MeshObject;
}

export interface Layer4Match {
  readonly destinationSubnets: readonly string[];
  readonly port: number | undefined;
  readonly sourceLabels: Labels;
  readonly sourceNamespace: string | undefined;
  readonly gateways: readonly string[] | undefined;
}
