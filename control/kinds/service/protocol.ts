import { parseProtocol } from "../../model/parts/index.ts";
import type { Protocol } from "../../model/index.ts";

/** Their servers speak first, so Envoy cannot find out: SMTP, DNS, MySQL, MongoDB (Istio's `wellKnownPorts`). */
const WELL_KNOWN: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

/** Kubernetes' own names of protocols (KEP-3726). */
const KUBERNETES: Readonly<Record<string, Protocol>> = {
  "kubernetes.io/h2c": "http2",
  "kubernetes.io/ws": "http",
  "kubernetes.io/wss": "https",
};

/** What is spoken on a port (Istio's `kube.ConvertProtocol`): by `appProtocol`, else by the port's name up to its first hyphen. */
export function protocolOf(port: {
  readonly name?: string | undefined;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol?: string | undefined;
}): Protocol {
  if (port.protocol !== "TCP") return "udp";
  const own = port.appProtocol === undefined ? undefined : KUBERNETES[port.appProtocol];
  if (own !== undefined) return own;
  const name = (port.appProtocol ?? port.name ?? "").toLowerCase();
  if (name.startsWith("grpc-web")) return "grpc-web";
  const prefix = name.split("-")[0] ?? "";
  const found = prefix === "" ? "auto" : (parseProtocol(prefix) ?? "auto");
  return found === "auto" && WELL_KNOWN.has(port.port) ? "tcp" : found;
}
