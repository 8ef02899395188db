import { choice, defaulted, list, object, optional, portNumber, required, text } from "../../model/fields/index.ts";
import {
  dnsLabel,
  exportTo,
  subnet,
  workloadEntry,
  workloadSelector,
  wrongProtocol,
  wrongWildcardDomain,
} from "../../model/parts/index.ts";

const port = object({
  number: required(portNumber, "Number by which clients call it."),
  protocol: defaulted(
    text({ empty: true, check: wrongProtocol }),
    "",
    "HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS, ... Default: found out by Envoy.",
  ),
  name: required(dnsLabel, "Name; endpoints say their own numbers by it."),
  targetPort: optional(portNumber, "Number at the endpoints. Default: `number`."),
});

const host = text({
  shape: "host name",
  check: (value) => (value === "*" ? `"*" cannot be the host of a service` : wrongWildcardDomain(value)),
});

/** `istio.networking.v1alpha3.ServiceEntry`. */
export const fields = object(
  {
    hosts: required(list(host, { least: 1 }), "Names by which it is called; `*.example.com` for all below."),
    addresses: defaulted(list(subnet), [], "Virtual addresses, or ranges of them."),
    ports: defaulted(list(port), [], "The ports."),
    location: defaulted(choice("MESH_EXTERNAL", "MESH_INTERNAL"), "MESH_EXTERNAL", "Whether its workloads are part of the mesh."),
    resolution: defaulted(
      choice("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"),
      "NONE",
      "How addresses are found: NONE where the client wanted to go, STATIC the endpoints, DNS all addresses of the names, DNS_ROUND_ROBIN the first of them.",
    ),
    endpoints: optional(list(workloadEntry), "What is behind it."),
    workloadSelector: optional(workloadSelector, "Labels of the WorkloadEntries and pods behind it."),
    exportTo: optional(exportTo, "Namespaces that see it. Default: the mesh's `defaultServiceExportTo`, all."),
    subjectAltNames: defaulted(
      list(text()),
      [],
      "Names of which the server's certificate must have one, where a DestinationRule originates TLS and names none.",
    ),
  },
  { exclusive: [["endpoints", "workloadSelector"]] },
);

export type ServiceEntrySpec = NonNullable<ReturnType<typeof fields.read>>;
