import { choice, defaulted, integer, list, object, optional, portNumber, refused, required, text } from "../../model/fields/index.ts";
import { connectionPool, dnsLabel, domain, serverTls, workloadSelector, wrongProtocol, wrongSidecarHost } from "../../model/parts/index.ts";

const port = object({
  number: required(integer({ most: 65_535, shape: "port number" }), "Number; of egress 0 for a unix socket."),
  protocol: defaulted(
    text({ empty: true, check: wrongProtocol }),
    "",
    "HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS, ... Default: found out by Envoy.",
  ),
  name: optional(dnsLabel, "Name."),
  targetPort: refused("it has no effect on Sidecars, in Istio either; of ingress defaultEndpoint says where the workload listens"),
});

const FILES = "not in a Sidecar, in Istio either; take files: serverCertificate, privateKey, caCertificates";
/** Read as a Gateway's; the check refuses what does not stand in the list of fields. */
const ingressTls = {
  ...serverTls,
  members: {
    ...serverTls.members,
    httpsRedirect: refused("not in a Sidecar, in Istio either; a port there ends TLS or has none"),
    tlsCertificates: refused(FILES),
    credentialName: refused(FILES),
    credentialNames: refused(FILES),
    caCertCredentialName: refused(FILES),
    subjectAltNames: refused("not in a Sidecar, in Istio either; take verifyCertificateSpki or an AuthorizationPolicy"),
  },
};

const captureMode = choice("DEFAULT", "IPTABLES", "NONE");

const ingress = object({
  port: required(port, "Port on which the proxy takes connections."),
  bind: optional(text(), "Address to listen on. Default: all."),
  captureMode: defaulted(captureMode, "DEFAULT", "NONE: the proxy listens on the port itself; else connections are redirected to it."),
  defaultEndpoint: optional(
    text(),
    "Where the workload listens: `127.0.0.1:PORT`, `[::1]:PORT`, `0.0.0.0:PORT` (its own address) or `unix:///PATH`. Default: the port itself.",
  ),
  tls: optional(ingressTls, "TLS that the proxy ends for clients outside of the mesh."),
  connectionPool: optional(connectionPool, "Limits of connections to the workload. Default: `inboundConnectionPool`."),
});

const egress = object({
  port: optional(
    port,
    "Port on which the proxy takes connections of the workload. Default: every port of the hosts; at most one such listener, the last.",
  ),
  bind: optional(text(), "Address to listen on, or `unix:///PATH`. Default: the services' own addresses; without redirection 127.0.0.1."),
  captureMode: defaulted(captureMode, "DEFAULT", "NONE: the proxy listens on the port itself, and nothing needs to be redirected to it."),
  hosts: required(
    list(text({ shape: "namespace/host", check: wrongSidecarHost }), { least: 1 }),
    "What the listener serves: `NAMESPACE/HOST`, with `.` for the own, `*` for any and `~` for no namespace.",
  ),
});

const destination = object({
  host: required(domain, "Host in full."),
  subset: optional(dnsLabel, "Subset of its DestinationRule."),
  port: optional(object({ number: required(portNumber, "Number.") }), "Port of the host."),
});

const outboundTrafficPolicy = object({
  mode: defaulted(
    choice("REGISTRY_ONLY", "ALLOW_ANY"),
    "REGISTRY_ONLY",
    "ALLOW_ANY lets connections to hosts that the mesh does not know go where they want. Where the policy is written without a mode, REGISTRY_ONLY.",
  ),
  egressProxy: optional(destination, "Where connections to unknown hosts go instead."),
});

/** `istio.networking.v1alpha3.Sidecar`. */
export const fields = object({
  workloadSelector: optional(workloadSelector, "Workloads of the namespace that it is for. Default: all without a Sidecar of their own."),
  ingress: defaulted(list(ingress), [], "Where the proxy takes connections for the workload. Default: the ports of its services."),
  egress: defaulted(list(egress), [], "What the workload may call. Default: everything that is exported to its namespace."),
  inboundConnectionPool: optional(connectionPool, "Limits of connections to the workload."),
  outboundTrafficPolicy: optional(
    outboundTrafficPolicy,
    "What becomes of connections to hosts that the mesh does not know. Default: the mesh's.",
  ),
});

export type SidecarSpec = NonNullable<ReturnType<typeof fields.read>>;
