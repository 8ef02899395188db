import { stringify } from "yaml";
import type { Place } from "./place.ts";

/**
 * What a platform says of its workloads: where each runs, and what its Envoy listens on. On Kubernetes these would be Pods and redirected connections; here everything is on one
 * machine, so a Sidecar says which ports and sockets stand in for them.
 */
export function platformObjects(places: readonly Place[], gatewayPort: number): string {
  const documents: unknown[] = [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "gateway" },
      spec: { selector: { app: "gateway" }, ports: [{ name: "http", port: 80, targetPort: gatewayPort }] },
    },
    workloadEntry("gateway", "gateway", { app: "gateway" }, "10.0.0.1", {}),
  ];
  for (const { name, app, version, ingressPort, programPort, egress } of places) {
    const labels = { app, version };
    documents.push(workloadEntry(name, app, labels, "127.0.0.1", { http: ingressPort }), {
      apiVersion: "networking.istio.io/v1",
      kind: "Sidecar",
      metadata: { name },
      spec: {
        workloadSelector: { labels },
        ingress: [
          {
            port: { number: ingressPort, protocol: "HTTP", name: "http" },
            bind: "127.0.0.1",
            captureMode: "NONE",
            defaultEndpoint: `127.0.0.1:${programPort}`,
          },
        ],
        egress: [{ port: { number: 0, protocol: "HTTP", name: "http" }, bind: `unix://${egress}`, captureMode: "NONE", hosts: ["./*"] }],
      },
    });
  }
  return documents.map((document) => stringify(document)).join("---\n");
}

function workloadEntry(
  name: string,
  serviceAccount: string,
  labels: Readonly<Record<string, string>>,
  address: string,
  ports: Readonly<Record<string, number>>,
): unknown {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "WorkloadEntry",
    metadata: { name },
    spec: { address, labels, ports, serviceAccount },
  };
}
