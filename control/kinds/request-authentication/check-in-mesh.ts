import {
  Code,
  isHttp,
  type Labels,
  type MeshObject,
  type MeshView,
  mtlsModeOf,
  readJwksUri,
  type Report,
  selects,
  type Service,
  workloadMtls,
} from "../../model/index.ts";
import { checkSelected } from "../../model/parts/index.ts";
import type { RequestAuthenticationSpec } from "./fields.ts";

export function checkInMesh({ metadata, spec }: MeshObject<RequestAuthenticationSpec>, mesh: MeshView, report: Report): void {
  const labels = spec.selector?.matchLabels ?? {};
  checkSelected({ namespace: metadata.namespace, labels }, mesh, ["spec", "selector"], report);
  checkPorts(metadata.namespace, labels, mesh, report);
  for (const [index, { issuer, jwks, jwksUri }] of spec.jwtRules.entries()) {
    const path = ["spec", "jwtRules", index];
    if (jwksUri !== undefined) checkServer(jwksUri, mesh, [...path, "jwksUri"], report);
    else if (jwks === undefined && issuer !== undefined) checkIssuer(issuer, mesh, [...path, "issuer"], report);
  }
}

/** `JwtFailureDueToInvalidServicePortPrefix` of Istio's analyzers. */
const NO_HTTP = "IST0119";

/** Tokens stand in requests: where a port is said to carry something else, nobody looks for them. Of namespaces as a whole nobody means every port. */
function checkPorts(namespace: string, labels: Labels, mesh: MeshView, report: Report): void {
  if (Object.keys(labels).length === 0) return;
  const isForAll = namespace === mesh.settings.rootNamespace;
  const workloads = mesh.workloads().filter((each) => (isForAll || each.namespace === namespace) && selects(labels, each.labels));
  if (workloads.length === 0) return;
  for (const { namespace: home, name, ports, selector } of mesh.services()) {
    if (selector === undefined || !workloads.some((each) => each.namespace === home && selects(selector, each.labels))) continue;
    for (const { number, name: port, protocol } of ports) {
      if (isHttp(protocol) || protocol === "auto" || protocol === "https") continue;
      report(
        "warning",
        NO_HTTP,
        ["spec", "selector"],
        `tokens are not looked for at port ${number} (${port}) of ${name}.${home}, which carries ${protocol}; policies of authorization hold there by the connection alone`,
      );
    }
  }
}

/** Whether an issuer that was to say where its keys are has said so. */
function checkIssuer(issuer: string, mesh: MeshView, path: readonly (string | number)[], report: Report): void {
  const { uri, problem } = mesh.issuerKeys(issuer) ?? {};
  if (problem === undefined) return;
  const why = `${issuer} does not tell where its keys are: ${problem}`;
  if (uri === undefined)
    report("error", Code.Denied, path, `every token of this issuer is refused: ${why}; it is asked again, or write jwksUri or jwks`);
  else report("warning", Code.Unreadable, path, `${why}; what it told before, ${uri.uri}, stays in force`);
}

/** Whether all that are behind a service want mTLS, which their proxies end. */
function isBehindMtls(service: Service, port: number, mesh: MeshView): boolean {
  const name = service.ports.find(({ number }) => number === port)?.name;
  const endpoints = mesh.endpointsOf(service).filter(({ tlsMode }) => tlsMode === "istio");
  if (name === undefined || endpoints.length === 0) return false;
  const policies = mesh.peerAuthentications();
  return endpoints.every(
    (endpoint) => mtlsModeOf(workloadMtls(policies, mesh.settings.rootNamespace, endpoint), endpoint.ports[name] ?? 0) === "STRICT",
  );
}

/** Proxies know where the services of the mesh are; for all other hosts they ask DNS, which may not know the names of services. */
function checkServer(text: string, mesh: MeshView, path: readonly (string | number)[], report: Report): void {
  const uri = readJwksUri(text);
  if (typeof uri === "string") return;
  const services = mesh.servicesOf(uri.host);
  if (uri.secure && services.some((service) => isBehindMtls(service, uri.port, mesh)))
    report(
      "warning",
      Code.Unreachable,
      path,
      `${uri.host} takes mTLS alone (PeerAuthentication STRICT), and there is no TLS within mTLS: keys do not come by https; write http, which mTLS protects`,
    );
  if (services.length === 0 || services.some(({ ports }) => ports.some(({ number }) => number === uri.port))) return;
  const ports = services.flatMap((service) => service.ports.map(({ number }) => number)).join(", ");
  report(
    "warning",
    Code.Surprise,
    path,
    `${uri.host} is a service of the mesh without port ${uri.port} (it has ${ports}), so DNS is asked where it is`,
  );
}
