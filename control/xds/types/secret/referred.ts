import type { ClientTls, ProxyView, ServerTls, TrafficPolicy, TrafficRules } from "../../../model/index.ts";
import { jwksUriOf } from "../jwks.ts";
import { caFileResource, certificateFileResource, credentialCaResource, credentialResource, meshRootsResource, SYSTEM } from "./names.ts";

/** Names of the secrets that a proxy's clusters and listeners refer to, sorted. A proxy is sent no secret beside these, whatever it asks for. */
export function referredSecrets(view: ProxyView): readonly string[] {
  const names = new Set<string>();
  for (const host of view.hosts()) for (const name of ofRules(view.trafficRules(host))) names.add(name);
  for (const name of ofKeyServers(view)) names.add(name);
  const servers = [
    ...view.gateways().flatMap((gateway) => gateway.servers.map(({ tls }) => tls)),
    ...(view.sidecar()?.ingress ?? []).map(({ tls }) => tls),
  ];
  for (const tls of servers) {
    if (tls === undefined) continue;
    for (const name of ofServer(tls)) names.add(name);
    if (tls.mode === "ISTIO_MUTUAL" && tls.caCrl !== undefined && view.roots().length > 0) names.add(meshRootsResource(tls.caCrl));
  }
  return [...names].sort();
}

/** What clusters trust and show by which keys of tokens are fetched, of whichever workload of the namespace. */
function ofKeyServers(view: ProxyView): readonly string[] {
  const rules = view.namespacePolicies("RequestAuthentication").flatMap((policy) => policy.rules);
  const uris = rules.map((rule) => jwksUriOf(view, rule)).filter((uri) => uri !== undefined);
  const ofHosts = [...new Set(uris.map(({ host }) => host))].flatMap((host) => ofRules(view.trafficRules(host)));
  return uris.some(({ secure }) => secure) ? [...ofHosts, caFileResource(SYSTEM)] : ofHosts;
}

const known = new WeakMap<TrafficRules, readonly string[]>();

function ofRules(rules: TrafficRules | undefined): readonly string[] {
  if (rules === undefined) return [];
  let names = known.get(rules);
  if (names === undefined) known.set(rules, (names = [rules.policy, ...rules.subsets.map(({ policy }) => policy)].flatMap(ofPolicy)));
  return names;
}

function ofPolicy({ tls, ports }: TrafficPolicy): readonly string[] {
  return [tls, ...[...ports.values()].map((port) => port.tls)].flatMap((each) => (each === undefined ? [] : ofClient(each)));
}

function ofClient({
  mode,
  credentialName,
  clientCertificate,
  privateKey,
  caCertificates,
  caCrl,
  insecureSkipVerify,
}: ClientTls): readonly string[] {
  if (mode !== "SIMPLE" && mode !== "MUTUAL") return [];
  const names: string[] = [];
  if (mode === "MUTUAL")
    names.push(
      credentialName === undefined
        ? certificateFileResource(clientCertificate ?? "", privateKey ?? "", caCrl)
        : credentialResource(credentialName),
    );
  if (insecureSkipVerify === true) return names;
  if (credentialName !== undefined) names.push(credentialCaResource(credentialName));
  else names.push(caFileResource(caCertificates ?? SYSTEM, caCrl));
  return names;
}

function ofServer(tls: ServerTls): readonly string[] {
  const { credentialNames, caCertCredentialName, certificates: pairs, serverCertificate, privateKey, caCertificates, caCrl, mode } = tls;
  const names = credentialNames.map(credentialResource);
  for (const pair of pairs) names.push(certificateFileResource(pair.certificate, pair.privateKey, caCrl));
  if (serverCertificate !== undefined && privateKey !== undefined)
    names.push(certificateFileResource(serverCertificate, privateKey, caCrl));
  if (mode !== "MUTUAL" && mode !== "OPTIONAL_MUTUAL") return names;
  names.push(...(caCertCredentialName === undefined ? credentialNames : [caCertCredentialName]).map(credentialCaResource));
  const file = caCertificates ?? pairs[0]?.caCertificates;
  if (file !== undefined) names.push(caFileResource(file, caCrl));
  return names;
}
