import {
  type Contribution,
  type Destination,
  type FieldPath,
  fullHost,
  type HeaderMatch,
  type HeaderOperations,
  type Headers,
  type HttpMatch,
  type HttpRoute,
  type MeshObject,
  type MeshSettings,
  type SingleMirror,
  type StringMatch,
  type WeightedDestination,
} from "../../model/index.ts";
import { exportedTo } from "../../model/parts/index.ts";
import type { HttpMatchSpec, HttpRouteSpec, VirtualServiceSpec } from "./fields.ts";
import { fullGatewayName, MESH_GATEWAY } from "./gateway-name.ts";
import { GRPC_STATUS } from "./http-fields.ts";
import { claimPath } from "./match-fields.ts";

type VirtualService = MeshObject<VirtualServiceSpec>;

export function contribute(object: VirtualService, settings: MeshSettings): Contribution {
  const { spec } = object;
  const full = (host: string): string => hostOf(object, settings, host);
  const gateways = gatewaysOf(object, spec.gateways.length === 0 ? [MESH_GATEWAY] : spec.gateways);
  const connections = (routes: VirtualServiceSpec["tcp"][number]["route"]): readonly WeightedDestination[] =>
    routes.map(({ destination, weight }) => ({ destination: destinationOf(object, settings, destination), weight, headers: NO_HEADERS }));
  return {
    routings: [
      {
        hosts: spec.hosts.map(full),
        gateways,
        exportTo: exportedTo(spec.exportTo, settings.defaultVirtualServiceExportTo),
        http: spec.http.map((route, index) => httpRoute(object, settings, route, ["spec", "http", index])),
        tls: spec.tls.map(({ match, route }, index) => ({
          match: match.map((each) => ({
            ...each,
            sniHosts: each.sniHosts.map((host) => host.toLowerCase()),
            gateways: matchGateways(object, each.gateways),
          })),
          route: connections(route),
          path: ["spec", "tls", index],
          object,
        })),
        tcp: spec.tcp.map(({ match, route }, index) => ({
          match: match.map((each) => ({ ...each, gateways: matchGateways(object, each.gateways) })),
          route: connections(route),
          path: ["spec", "tcp", index],
          object,
        })),
        object,
      },
    ],
  };
}

/** A host as Istio resolves it (`ResolveShortnameToFQDN`); an address stays one. */
export function hostOf({ metadata }: VirtualService, { domainSuffix }: MeshSettings, host: string): string {
  return host.includes(":") ? host.toLowerCase() : fullHost(host.replace(/(?<=.)\.$/, ""), metadata.namespace, domainSuffix);
}

export function destinationOf(
  object: VirtualService,
  settings: MeshSettings,
  spec: HttpRouteSpec["route"][number]["destination"],
): Destination {
  return { host: hostOf(object, settings, spec.host), subset: spec.subset, port: spec.port?.number };
}

function gatewaysOf({ metadata }: VirtualService, names: readonly string[]): readonly string[] {
  return names.map((name) => fullGatewayName(name, metadata.namespace));
}

/** An empty list says nothing. */
function matchGateways(object: VirtualService, names: readonly string[] | undefined): readonly string[] | undefined {
  return names === undefined || names.length === 0 ? undefined : gatewaysOf(object, names);
}

function httpRoute(object: VirtualService, settings: MeshSettings, spec: HttpRouteSpec, path: FieldPath): HttpRoute {
  const { delegate, redirect, directResponse, retries, rewrite, fault, corsPolicy } = spec;
  return {
    name: spec.name,
    match: spec.match.map((match) => httpMatch(object, match)),
    route: spec.route.map(({ destination, weight, headers }) => ({
      destination: destinationOf(object, settings, destination),
      weight,
      headers: headersOf(headers),
    })),
    redirect:
      redirect === undefined
        ? undefined
        : {
            uri: redirect.uri,
            uriPrefix: redirect.prefixRewrite,
            authority: redirect.authority,
            scheme: redirect.scheme,
            port:
              redirect.port ??
              (redirect.derivePort === undefined
                ? undefined
                : redirect.derivePort === "FROM_REQUEST_PORT"
                  ? "from-request"
                  : "from-protocol"),
            code: redirect.redirectCode,
          },
    directResponse: directResponse === undefined ? undefined : { status: directResponse.status, body: bodyOf(directResponse.body) },
    delegate: delegate === undefined ? undefined : { namespace: delegate.namespace ?? object.metadata.namespace, name: delegate.name },
    rewrite:
      rewrite === undefined
        ? undefined
        : {
            uri: rewrite.uri,
            authority: rewrite.authority,
            uriRegex:
              rewrite.uriRegexRewrite === undefined
                ? undefined
                : { match: rewrite.uriRegexRewrite.match, rewrite: rewrite.uriRegexRewrite.rewrite },
          },
    timeout: spec.timeout,
    retries:
      retries === undefined
        ? undefined
        : {
            attempts: retries.attempts,
            perTryTimeout: retries.perTryTimeout,
            backoff: retries.backoff,
            retryOn: retries.retryOn === "" ? undefined : retries.retryOn,
            retryRemoteLocalities: retries.retryRemoteLocalities,
            ignorePreviousHosts: retries.retryIgnorePreviousHosts,
          },
    fault: fault === undefined ? undefined : faultOf(fault),
    mirror: singleMirror(object, settings, spec),
    mirrors: spec.mirrors.map(({ destination, percentage }) => ({
      destination: destinationOf(object, settings, destination),
      percentage: percentage?.value ?? 100,
    })),
    cors: corsPolicy === undefined ? undefined : corsOf(corsPolicy),
    headers: headersOf(spec.headers),
    object,
    path,
  };
}

function httpMatch(object: VirtualService, spec: HttpMatchSpec): HttpMatch {
  return {
    name: spec.name,
    uri: condition(spec.uri),
    ignoreUriCase: spec.ignoreUriCase,
    scheme: condition(spec.scheme),
    method: condition(spec.method),
    authority: condition(spec.authority),
    headers: headerMatches(spec.headers),
    withoutHeaders: headerMatches(spec.withoutHeaders),
    queryParams: Object.entries(spec.queryParams).map(([name, value]) => ({ name, value })),
    port: spec.port,
    sourceLabels: spec.sourceLabels,
    sourceNamespace: spec.sourceNamespace,
    gateways: matchGateways(object, spec.gateways),
    statPrefix: spec.statPrefix,
  };
}

/** Every request has a path, a scheme, a method and a host: to ask that they are there is to ask for nothing. */
function condition(match: StringMatch | "present" | undefined): StringMatch | undefined {
  return match === "present" ? undefined : match;
}

function headerMatches(spec: HttpMatchSpec["headers"]): readonly HeaderMatch[] {
  return Object.entries(spec)
    .map(([name, value]) => {
      const claim = claimPath(name);
      return { name: claim === undefined ? name.toLowerCase() : name, claim, value };
    })
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

const NO_OPERATIONS: HeaderOperations = { set: [], add: [], remove: [] };
const NO_HEADERS: Headers = { request: NO_OPERATIONS, response: NO_OPERATIONS };

function headersOf(spec: HttpRouteSpec["headers"]): Headers {
  const operations = (each: NonNullable<HttpRouteSpec["headers"]>["request"]): HeaderOperations =>
    each === undefined ? NO_OPERATIONS : { set: Object.entries(each.set), add: Object.entries(each.add), remove: each.remove };
  return spec === undefined ? NO_HEADERS : { request: operations(spec.request), response: operations(spec.response) };
}

function bodyOf(body: NonNullable<HttpRouteSpec["directResponse"]>["body"]): Uint8Array | undefined {
  return body === undefined ? undefined : (body.bytes ?? new Uint8Array(Buffer.from(body.string ?? "")));
}

/** An unset percentage means none, as in Istio. */
function faultOf({ delay, abort }: NonNullable<HttpRouteSpec["fault"]>): HttpRoute["fault"] {
  return {
    delay: delay === undefined ? undefined : { fixedDelay: delay.fixedDelay, percentage: delay.percentage?.value ?? delay.percent ?? 0 },
    abort:
      abort === undefined
        ? undefined
        : {
            ...(abort.grpcStatus === undefined ? { httpStatus: abort.httpStatus ?? 0 } : { grpcStatus: GRPC_STATUS[abort.grpcStatus] }),
            percentage: abort.percentage?.value ?? 0,
          },
  };
}

/** Undefined where none of its fields is written: then a delegate has its root's. */
function singleMirror(
  object: VirtualService,
  settings: MeshSettings,
  { mirror, mirrorPercentage, mirrorPercent }: HttpRouteSpec,
): SingleMirror | undefined {
  if (mirror === undefined && mirrorPercentage === undefined && mirrorPercent === undefined) return undefined;
  return {
    destination: mirror === undefined ? undefined : destinationOf(object, settings, mirror),
    percentage: mirrorPercentage?.value,
    percent: mirrorPercent,
  };
}

function corsOf(spec: NonNullable<HttpRouteSpec["corsPolicy"]>): HttpRoute["cors"] {
  const origins = spec.allowOrigins.map((origin): StringMatch => (origin === "present" ? { regex: ".*" } : origin));
  // The older field has no patterns but `*` (Istio's `StringToExactMatch`).
  const older = spec.allowOrigin.map((origin): StringMatch => (origin === "*" ? { regex: ".*" } : { exact: origin }));
  return {
    allowOrigins: origins.length > 0 ? origins : older,
    allowMethods: spec.allowMethods,
    allowHeaders: spec.allowHeaders,
    exposeHeaders: spec.exposeHeaders,
    maxAge: spec.maxAge,
    allowCredentials: spec.allowCredentials,
    unmatchedPreflights: spec.unmatchedPreflights === "IGNORE" ? "IGNORE" : "FORWARD",
  };
}
