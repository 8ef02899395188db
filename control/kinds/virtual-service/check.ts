import { Code, covers, type FieldPath, type MeshObject, type Report } from "../../model/index.ts";
import { checkExportTo } from "../../model/parts/index.ts";
import type { HttpRouteSpec, VirtualServiceSpec } from "./fields.ts";
import { MESH_GATEWAY } from "./gateway-name.ts";

/** Istio's `ValidateVirtualService`. */
export function check({ metadata, spec }: MeshObject<VirtualServiceSpec>, report: Report): void {
  const isDelegate = spec.hosts.length === 0;
  const isMesh = spec.gateways.length === 0 || spec.gateways.includes(MESH_GATEWAY);
  if (isDelegate) checkDelegate(spec, report);
  else checkHosts(spec.hosts, isMesh, report);
  if (spec.http.length + spec.tls.length + spec.tcp.length === 0)
    report("error", Code.Missing, ["spec"], `needs "http", "tls" or "tcp": without a route it would do nothing`);
  for (const [index, route] of spec.http.entries()) checkRoute(route, ["spec", "http", index], isDelegate, report);
  checkConnections(spec, report);
  checkExportTo(spec.exportTo, metadata.namespace, {}, report);
}

function checkDelegate({ gateways, tls, tcp }: VirtualServiceSpec, report: Report): void {
  const named = gateways.filter((name) => name !== MESH_GATEWAY);
  if (named.length > 0)
    report(
      "error",
      Code.Value,
      ["spec", "gateways"],
      "a VirtualService without hosts is a delegate: it has the gateways of the one that names it",
    );
  if (tls.length > 0)
    report("error", Code.Value, ["spec", "tls"], "a delegate, which is a VirtualService without hosts, has http routes only");
  if (tcp.length > 0)
    report("error", Code.Value, ["spec", "tcp"], "a delegate, which is a VirtualService without hosts, has http routes only");
}

function checkHosts(hosts: readonly string[], isMesh: boolean, report: Report): void {
  const seen = new Set<string>();
  for (const [index, host] of hosts.entries()) {
    const path = ["spec", "hosts", index];
    if (host === "*" && isMesh)
      report(
        "error",
        Code.Value,
        path,
        `"*" cannot be a host in the mesh, where it would take all traffic; name hosts, or bind the object to a gateway`,
      );
    if (seen.has(host.toLowerCase())) report("error", Code.Duplicate, path, `${host} stands there twice`);
    seen.add(host.toLowerCase());
  }
}

function checkRoute(route: HttpRouteSpec, path: FieldPath, isDelegate: boolean, report: Report): void {
  const { redirect, directResponse, delegate, fault, rewrite } = route;
  const does = {
    route: route.route.length > 0,
    redirect: redirect !== undefined,
    directResponse: directResponse !== undefined,
    delegate: delegate !== undefined,
  };
  const done = Object.entries(does).flatMap(([name, is]) => (is ? [name] : []));
  if (done.length === 0) report("error", Code.Missing, path, `needs one of "route", "redirect", "directResponse", "delegate"`);
  if (done.length > 1)
    report("error", Code.Exclusive, path, `${done.map((name) => `"${name}"`).join(" and ")} exclude each other; keep one`);
  if (isDelegate && delegate !== undefined)
    report("error", Code.Value, [...path, "delegate"], "a delegate, which is a VirtualService without hosts, cannot have delegates");
  for (const name of ["redirect", "directResponse"] as const) {
    if (route[name] === undefined) continue;
    if (fault !== undefined) report("error", Code.Exclusive, [...path, "fault"], `"fault" and "${name}" exclude each other; keep one`);
    if (rewrite !== undefined)
      report("error", Code.Exclusive, [...path, "rewrite"], `"rewrite" and "${name}" exclude each other; keep one`);
  }
  if (
    redirect !== undefined &&
    (redirect.uri ?? redirect.prefixRewrite ?? redirect.authority ?? redirect.scheme ?? redirect.port ?? redirect.derivePort) === undefined
  )
    report("error", Code.Missing, [...path, "redirect"], "needs something to redirect to: uri, prefixRewrite, authority, scheme or port");
  if (rewrite !== undefined && (rewrite.uri ?? rewrite.authority ?? rewrite.uriRegexRewrite) === undefined)
    report("error", Code.Missing, [...path, "rewrite"], "needs something to rewrite: uri, uriRegexRewrite or authority");
  if (fault !== undefined && (fault.delay ?? fault.abort) === undefined)
    report("error", Code.Missing, [...path, "fault"], `needs "delay" or "abort"`);
  checkFaultShares(fault, path, report);
  if (route.mirror !== undefined && route.mirrors.length > 0)
    report("error", Code.Exclusive, [...path, "mirrors"], `"mirror" and "mirrors" exclude each other; keep one`);
  // Delegates and those who name one have their fields put together.
  if (!isDelegate && delegate === undefined && route.mirror === undefined && (route.mirrorPercentage ?? route.mirrorPercent) !== undefined)
    report("warning", Code.Surprise, path, `without "mirror" its percentage has no effect; in "mirrors" each has its own`);
  const maxAge = route.corsPolicy?.maxAge;
  if (maxAge !== undefined && maxAge % 1000 !== 0)
    report("error", Code.Value, [...path, "corsPolicy", "maxAge"], "must be whole seconds, as the header has them");
  checkWeights(route.route, path, report);
  checkMatches(route, path, report);
}

/** Whoever writes a fault wants one; without a percentage there is none. */
function checkFaultShares(fault: HttpRouteSpec["fault"], path: FieldPath, report: Report): void {
  for (const name of ["delay", "abort"] as const) {
    const part = fault?.[name];
    if (part !== undefined && part.percentage === undefined && !("percent" in part && part.percent !== undefined))
      report(
        "warning",
        Code.Surprise,
        [...path, "fault", name],
        "without a percentage it is 0: no request is touched; write percentage: {value: 100} for all",
      );
  }
}

function checkWeights(route: readonly { readonly weight: number }[], path: FieldPath, report: Report): void {
  if (route.length < 2) return;
  const total = route.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) report("error", Code.Value, [...path, "route"], "the weights of several destinations must not all be 0");
  else if (total > 0xffffffff)
    report("error", Code.Value, [...path, "route"], `the weights are ${total} together; at most 4294967295 are allowed`);
  else if (total !== 100)
    report("warning", Code.Surprise, [...path, "route"], `the weights are ${total} together, not 100; each is a share of ${total}`);
}

function checkMatches({ match, rewrite, redirect }: HttpRouteSpec, path: FieldPath, report: Report): void {
  for (const [index, { uri, ignoreUriCase, method, gateways = [], sourceLabels, sourceNamespace }] of match.entries()) {
    const at = [...path, "match", index];
    if (gateways.length > 0 && (sourceNamespace !== undefined || Object.keys(sourceLabels).length > 0))
      report(
        "warning",
        Code.Surprise,
        [...at, "gateways"],
        `beside "gateways" labels and namespace are not looked at, as in Istio; give those a match of their own`,
      );
    if (ignoreUriCase && uri !== undefined && uri !== "present" && "regex" in uri)
      report("warning", Code.Surprise, [...at, "ignoreUriCase"], `has no effect on a regular expression; begin it with "(?i)"`);
    const start =
      uri === undefined || uri === "present" ? undefined : "exact" in uri ? uri.exact : "prefix" in uri ? uri.prefix : undefined;
    if (start !== undefined && !start.startsWith("/"))
      report("warning", Code.Unreachable, [...at, "uri"], `paths begin with "/", so no request matches ${JSON.stringify(start)}`);
    if (method !== undefined && method !== "present" && "exact" in method && method.exact !== method.exact.toUpperCase())
      report("warning", Code.Unreachable, [...at, "method"], `methods are case-sensitive; did you mean ${method.exact.toUpperCase()}?`);
    if (
      rewrite?.uri === "/" &&
      uri !== undefined &&
      uri !== "present" &&
      "prefix" in uri &&
      uri.prefix !== "/" &&
      !uri.prefix.endsWith("/")
    )
      report(
        "warning",
        Code.Surprise,
        [...path, "rewrite", "uri"],
        `"/" in the place of ${uri.prefix} makes "//a" of ${uri.prefix}/a; match ${uri.prefix}/ too, before this`,
      );
    if (redirect?.prefixRewrite !== undefined && (uri === undefined || uri === "present" || "regex" in uri))
      report("warning", Code.Surprise, [...path, "redirect", "prefixRewrite"], "the match asks for no prefix, so there is none to replace");
  }
}

/** TLS and TCP routes. */
function checkConnections({ hosts, tls, tcp }: VirtualServiceSpec, report: Report): void {
  for (const [index, { match, route }] of tls.entries()) {
    const path = ["spec", "tls", index];
    if (match.length === 0) report("error", Code.Missing, path, `"match" is missing: a TLS route needs SNI hosts`);
    for (const [number, { sniHosts }] of match.entries()) {
      const at = [...path, "match", number, "sniHosts"];
      if (sniHosts.length === 0) report("error", Code.Missing, [...path, "match", number], `"sniHosts" is missing: a TLS route needs them`);
      for (const [place, sni] of sniHosts.entries()) {
        if (!hosts.some((host) => covers(host.toLowerCase(), sni.toLowerCase())))
          report("error", Code.Value, [...at, place], `${sni} is none of the object's hosts, nor within one`);
      }
    }
    if (route.length === 0) report("error", Code.Missing, path, `"route" is missing`);
    checkWeights(route, path, report);
  }
  for (const [index, { route }] of tcp.entries()) {
    if (route.length === 0) report("error", Code.Missing, ["spec", "tcp", index], `"route" is missing`);
    checkWeights(route, ["spec", "tcp", index], report);
  }
}
