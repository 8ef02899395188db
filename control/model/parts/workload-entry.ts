import { integer, map, object, optional, portNumber, text } from "../fields/index.ts";
import type { Endpoint, TlsMode } from "../service.ts";
import { labels } from "./labels.ts";
import { wrongDnsLabel } from "./names.ts";

/** The fields of a WorkloadEntry (`istio.networking.v1alpha3.WorkloadEntry`). */
export const workloadEntryFields = {
  address: optional(text(), "IP address; for services found by DNS a domain name too; or `unix:///PATH`."),
  ports: optional(
    map(portNumber, { key: wrongDnsLabel }),
    "Port numbers by the name of the service's port. Default: the port of the service.",
  ),
  labels: optional(labels, "Labels, by which subsets and selectors pick it."),
  network: optional(text(), "Network in which the address is reached."),
  locality: optional(
    text(),
    "`region/zone/sub-zone`, from the left as far as known. Default: by the labels `topology.kubernetes.io/region` and so on.",
  ),
  weight: optional(integer(), "Share of the traffic, relative to the others. Default: 1."),
  serviceAccount: optional(
    text(),
    "Account under which it runs, whose identity its proxy has. Default: that of the proxy that connects from its address.",
  ),
};

/** They stand in a ServiceEntry's `endpoints` too. */
export const workloadEntry = object(workloadEntryFields);

export type WorkloadEntrySpec = NonNullable<ReturnType<(typeof workloadEntry)["read"]>>;

/** Where labels of Kubernetes and Istio say that something is, as `region/zone/sub-zone`. */
export function localityOf(from: Readonly<Record<string, string>>, locality?: string): string {
  if (locality !== undefined) return locality;
  if (from["istio-locality"] !== undefined) return from["istio-locality"].replaceAll(".", "/");
  const parts = [from["topology.kubernetes.io/region"], from["topology.kubernetes.io/zone"], from["topology.istio.io/subzone"]];
  return parts
    .map((part) => part ?? "")
    .join("/")
    .replace(/\/+$/, "");
}

/** Name under which telemetry knows the workload of something with these labels (Istio's canonical name). */
export function workloadNameOf(from: Readonly<Record<string, string>>, name: string): string {
  return from["service.istio.io/canonical-name"] ?? from["app.kubernetes.io/name"] ?? from["app"] ?? name;
}

/** What the label of a workload says (`security.istio.io/tlsMode`); nothing where it is not there. */
export function tlsModeOf(from: Readonly<Record<string, string>>): TlsMode | undefined {
  const label = from["security.istio.io/tlsMode"];
  return label === undefined ? undefined : label === "istio" ? "istio" : "disabled";
}

/** What an entry of a ServiceEntry's list is as an endpoint. */
export function endpointOf(spec: WorkloadEntrySpec, namespace: string): Endpoint {
  const own = spec.labels ?? {};
  return {
    address: (spec.address ?? "").toLowerCase().startsWith("unix://") ? (spec.address ?? "") : (spec.address ?? "").toLowerCase(),
    ports: spec.ports ?? {},
    labels: own,
    locality: localityOf(own, spec.locality),
    network: spec.network ?? own["topology.istio.io/network"] ?? "",
    weight: spec.weight || 1,
    serviceAccount: spec.serviceAccount ?? "",
    namespace,
    workload: workloadNameOf(own, spec.address ?? ""),
    node: "",
    health: "healthy",
    // Who has an account has a proxy (Istio's `getTLSModeFromWorkloadEntry`).
    tlsMode: tlsModeOf(own) ?? (spec.serviceAccount === undefined ? undefined : "istio"),
  };
}
