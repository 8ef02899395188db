import {
  Code,
  compareAge,
  covers,
  type Destination,
  type FieldPath,
  type HttpMatch,
  type HttpRoute,
  isVisible,
  matchesWithin,
  type MeshObject,
  type MeshView,
  overlaps,
  type Report,
  type Routing,
  type Service,
} from "../../model/index.ts";
import type { VirtualServiceSpec } from "./fields.ts";
import { MESH_GATEWAY } from "./gateway-name.ts";

/** `istioctl analyze`: hosts, subsets, ports, gateways and delegates that are not there, hosts that others have, rules that nothing reaches. */
export function checkInMesh(object: MeshObject<VirtualServiceSpec>, mesh: MeshView, report: Report): void {
  const routing = mesh.routings().find((each) => each.object === object);
  if (routing === undefined) return;
  for (const { destination, path } of destinationsOf(routing)) checkDestination(destination, path, routing, mesh, report);
  checkGateways(routing, object, mesh, report);
  checkBinding(routing, report);
  checkConflicts(routing, mesh, report);
  checkDelegates(routing, mesh, report);
  checkClaims(routing, mesh, report);
  checkReach(routing, report);
}

interface Named {
  readonly destination: Destination;
  readonly path: FieldPath;
}

function destinationsOf({ http, tls, tcp }: Routing): readonly Named[] {
  const routes = [...http, ...tls, ...tcp].flatMap(({ route, path }) =>
    route.map(({ destination }, index) => ({ destination, path: [...path, "route", index, "destination"] })),
  );
  const mirrors = http.flatMap(({ mirror, mirrors: list, path }) => [
    ...(mirror?.destination === undefined ? [] : [{ destination: mirror.destination, path: [...path, "mirror"] }]),
    ...list.map(({ destination }, index) => ({ destination, path: [...path, "mirrors", index, "destination"] })),
  ]);
  return [...routes, ...mirrors];
}

function checkDestination({ host, subset, port }: Destination, path: FieldPath, routing: Routing, mesh: MeshView, report: Report): void {
  const all = servicesOf(host, mesh);
  if (all.length === 0) {
    report("error", "IST0101", [...path, "host"], `no service has host ${host}; requests for it get 503`);
    return;
  }
  const clients = clientsOf(routing);
  const services = all.filter(({ exportTo, namespace }) => clients.some((client) => isVisible(exportTo, namespace, client)));
  if (services.length === 0) {
    const hidden = `exportTo hides ${host} from namespace ${clients.join(", ")}; requests for it get 503`;
    report("error", "IST0101", [...path, "host"], hidden);
    return;
  }
  if (subset !== undefined && !hasSubset(host, subset, mesh))
    report("error", "IST0101", [...path, "subset"], `no DestinationRule has subset ${subset} of ${host}; requests for it get 503`);
  if (port === undefined) {
    if (services.every(({ ports }) => ports.length > 1) && routing.gateways.some((name) => name !== MESH_GATEWAY))
      report("error", "IST0112", path, `${host} has several ports; say which`);
  } else if (!services.some(({ ports }) => ports.some(({ number }) => number === port)))
    report("error", "IST0101", [...path, "port", "number"], `${host} has no port ${port}; requests for it get 503`);
}

/** Namespaces that the object is for, its own where it is for all: `istioctl analyze` looks from there (Istio's `GetDestinationHost`). */
function clientsOf({ exportTo, object: { metadata } }: Routing): readonly string[] {
  return [...new Set(exportTo.map((each) => (each === "." || each === "*" ? metadata.namespace : each)))];
}

function servicesOf(host: string, mesh: MeshView): readonly Service[] {
  const exact = mesh.servicesOf(host);
  return exact.length > 0 ? exact : mesh.services().filter((service) => covers(service.host, host));
}

function hasSubset(host: string, subset: string, mesh: MeshView): boolean {
  return mesh.trafficRules().some((rules) => covers(rules.host, host) && rules.subsets.some(({ name }) => name === subset));
}

function checkGateways(routing: Routing, { spec }: MeshObject<VirtualServiceSpec>, mesh: MeshView, report: Report): void {
  for (const [index, name] of routing.gateways.entries()) {
    if (name === MESH_GATEWAY) continue;
    const gateway = mesh.gateways().find((each) => `${each.namespace}/${each.name}` === name);
    if (gateway === undefined) {
      report("error", "IST0101", ["spec", "gateways", index], `there is no Gateway ${name}`);
      continue;
    }
    const { namespace } = routing.object.metadata;
    const taken = gateway.servers
      .flatMap(({ hosts }) => hosts)
      .filter(
        (each) => each.namespace === "*" || each.namespace === namespace || (each.namespace === "." && gateway.namespace === namespace),
      );
    for (const [place, host] of routing.hosts.entries()) {
      if (!taken.some((each) => overlaps(each.host, host)))
        report("warning", "IST0132", ["spec", "hosts", place], `Gateway ${name} has no server for ${spec.hosts[place] ?? host}`);
    }
  }
}

/** Matches choose among the gateways of the object; those of a delegate among the root's. */
function checkBinding({ hosts, gateways: bound, http, tls, tcp }: Routing, report: Report): void {
  if (hosts.length === 0) return;
  for (const { match, path } of [...http, ...tls, ...tcp]) {
    for (const [index, { gateways = [] }] of match.entries()) {
      for (const [place, name] of gateways.entries()) {
        if (!bound.includes(name))
          report(
            "warning",
            Code.Unreachable,
            [...path, "match", index, "gateways", place],
            `the object's gateways are ${bound.join(", ")}: for ${name} it says nothing`,
          );
      }
    }
  }
}

/** In the mesh only the oldest object of a host counts; nothing is merged. */
function checkConflicts(routing: Routing, mesh: MeshView, report: Report): void {
  if (!routing.gateways.includes(MESH_GATEWAY)) return;
  for (const [index, host] of routing.hosts.entries()) {
    const others = mesh
      .routings()
      .filter(
        (each) => each !== routing && each.gateways.includes(MESH_GATEWAY) && each.hosts.includes(host) && shareNamespaces(each, routing),
      );
    const winner = others.find((other) => compareAge(other.object, routing.object) < 0);
    if (others.length === 0) continue;
    const names = others.map(({ object: { metadata } }) => `${metadata.namespace}/${metadata.name}`).join(", ");
    report(
      "error",
      "IST0109",
      ["spec", "hosts", index],
      winner === undefined
        ? `${names} ${others.length === 1 ? "has" : "have"} host ${host} too; this one is the oldest, so it alone counts`
        : `${names} ${others.length === 1 ? "has" : "have"} host ${host} too; ${winner.object.metadata.namespace}/${winner.object.metadata.name} is older, so it alone counts`,
    );
  }
}

function shareNamespaces(a: Routing, b: Routing): boolean {
  const of = ({ exportTo, object }: Routing): readonly string[] =>
    exportTo.map((each) => (each === "." ? object.metadata.namespace : each));
  const [left, right] = [of(a), of(b)];
  return left.includes("*") || right.includes("*") || left.some((each) => right.includes(each));
}

function checkDelegates({ http, object }: Routing, mesh: MeshView, report: Report): void {
  for (const { delegate, match, path } of http) {
    if (delegate === undefined) continue;
    const found = mesh
      .routings()
      .find(({ object: { metadata } }) => metadata.name === delegate.name && metadata.namespace === delegate.namespace);
    const at = [...path, "delegate"];
    if (found === undefined)
      report("error", "IST0101", at, `there is no VirtualService ${delegate.namespace}/${delegate.name}; the route is left out`);
    else if (!isVisible(found.exportTo, delegate.namespace, object.metadata.namespace))
      report(
        "error",
        "IST0101",
        at,
        `VirtualService ${delegate.namespace}/${delegate.name} is not exported to ${object.metadata.namespace}; the route is left out`,
      );
    else if (found.hosts.length > 0)
      report(
        "error",
        Code.Value,
        at,
        `VirtualService ${delegate.namespace}/${delegate.name} has hosts, so it is no delegate; the route is left out`,
      );
    else
      for (const inner of found.http)
        if (matchesWithin(match, inner.match) === undefined)
          report(
            "warning",
            Code.Unreachable,
            at,
            `${where(inner.path)} of ${delegate.namespace}/${delegate.name} is left out: one of its matches lies within none of this route's`,
          );
  }
}

const AUTHENTICATION = "builtin://authentication";
/** `JwtClaimBasedRoutingWithoutRequestAuthN` of Istio's analyzers. */
const UNVERIFIED = "IST0149";

/** Claims are known where a token is verified before the route is chosen: on gateways, by a RequestAuthentication or by our `authentication` as a plugin. */
function checkClaims({ http, gateways: bound }: Routing, mesh: MeshView, report: Report): void {
  for (const { match, path } of http) {
    for (const [index, { headers, withoutHeaders, gateways = bound }] of match.entries()) {
      const deaf = gateways.find((name) => name === MESH_GATEWAY || !knowsClaims(name, mesh));
      if (deaf === undefined) continue;
      const why =
        deaf === MESH_GATEWAY
          ? "sidecars know no claims, gateways do"
          : `no RequestAuthentication verifies tokens at Gateway ${deaf}, nor does a WasmPlugin ${AUTHENTICATION}`;
      const at = [...path, "match", index];
      const [never, always] = deaf === MESH_GATEWAY ? [Code.Unreachable, Code.Surprise] : [UNVERIFIED, UNVERIFIED];
      for (const { name, claim } of headers)
        if (claim !== undefined) report("warning", never, [...at, "headers", name], `never matches: ${why}`);
      for (const { name, claim } of withoutHeaders)
        if (claim !== undefined) report("warning", always, [...at, "withoutHeaders", name], `always matches: ${why}`);
    }
  }
}

/** Whether proxies of a gateway may verify tokens: nothing that a policy or plugin selects them by speaks against it. A gateway that is not there is told of elsewhere. */
function knowsClaims(name: string, mesh: MeshView): boolean {
  const gateway = mesh.gateways().find((each) => `${each.namespace}/${each.name}` === name);
  if (gateway === undefined) return true;
  const verifying = [
    ...mesh.policies("RequestAuthentication").filter(({ rules }) => rules.length > 0),
    ...mesh.plugins().filter(({ url }) => url === AUTHENTICATION),
  ];
  return verifying.some(({ selector }) => Object.entries(selector).every(([key, value]) => (gateway.selector[key] ?? value) === value));
}

/** Routes behind one that takes everything, and matches that an earlier one takes as a whole. */
function checkReach({ http }: Routing, report: Report): void {
  const seen = new Map<string, FieldPath>();
  let whole: FieldPath | undefined;
  for (const route of http) {
    // What a delegate takes is its own word.
    if (route.delegate !== undefined && whole === undefined) continue;
    if (whole !== undefined) {
      report("warning", "IST0130", route.path, `no request comes here: ${where(whole)} takes them all`);
      continue;
    }
    const matches: readonly (HttpMatch | undefined)[] = route.match.length === 0 ? [undefined] : route.match;
    let unreached = 0;
    for (const [index, match] of matches.entries()) {
      const path = match === undefined ? route.path : [...route.path, "match", index];
      const key = JSON.stringify({ ...match, name: "", statPrefix: undefined });
      const earlier = seen.get(key);
      if (earlier !== undefined) {
        unreached++;
        report("info", "IST0131", path, `${where(earlier)} asks for the same, so this never decides`);
      } else seen.set(key, path);
      if (match === undefined || takesAll(match)) whole = path;
    }
    if (unreached === matches.length)
      report("warning", "IST0130", route.path, "no request comes here: earlier routes take all that it asks for");
  }
  checkPrefixes(http, report);
}

function where(path: FieldPath): string {
  return path
    .slice(1)
    .map((step) => (typeof step === "number" ? `[${step}]` : step))
    .join(".")
    .replaceAll(".[", "[");
}

function takesAll(match: HttpMatch): boolean {
  const { uri, scheme, method, authority, headers, withoutHeaders, queryParams, port, sourceLabels, sourceNamespace, gateways } = match;
  const anyPath = uri === undefined || ("prefix" in uri && uri.prefix === "/") || ("regex" in uri && uri.regex === ".*");
  return (
    anyPath &&
    (scheme ?? method ?? authority ?? port ?? sourceNamespace ?? gateways) === undefined &&
    headers.length + withoutHeaders.length + queryParams.length + Object.keys(sourceLabels).length === 0
  );
}

/** A match by path alone hides every later one whose path begins with it, whatever else that asks for. */
function checkPrefixes(http: readonly HttpRoute[], report: Report): void {
  const prefixes = new Map<string, FieldPath>();
  // Looked up by each length that there is, since there may be thousands of them.
  const lengths = new Set<number>();
  for (const route of http) {
    if (route.delegate !== undefined) continue;
    for (const [index, match] of route.match.entries()) {
      const { uri } = match;
      const path = [...route.path, "match", index];
      const literal = uri === undefined || "regex" in uri || match.ignoreUriCase ? undefined : "exact" in uri ? uri.exact : uri.prefix;
      const isPrefixAlone = uri !== undefined && "prefix" in uri && !match.ignoreUriCase && takesAll({ ...match, uri: undefined });
      for (const length of lengths) {
        const hiding =
          literal === undefined || literal.length < length || (isPrefixAlone && literal.length === length)
            ? undefined
            : prefixes.get(literal.slice(0, length));
        if (hiding === undefined) continue;
        report("warning", Code.Unreachable, path, `no request comes here: ${where(hiding)} takes all that begin with the like`);
        break;
      }
      if (!isPrefixAlone || uri.prefix === "/" || prefixes.has(uri.prefix)) continue;
      prefixes.set(uri.prefix, path);
      lengths.add(uri.prefix.length);
    }
  }
}
