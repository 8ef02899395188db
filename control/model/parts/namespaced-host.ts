import type { GatewayHost } from "../gateway.ts";
import { wrongDnsLabel, wrongWildcardDomain } from "./names.ts";

// `namespace/host` of Gateway's servers and Sidecar's egress (Istio's `ValidateNamespaceSlashWildcardHostname`).

/** Of a gateway the namespace may be missing, which means any. */
export function wrongGatewayHost(value: string): string | undefined {
  return value.includes("/") ? wrongHost(value, ["*", "."]) : wrongWildcardDomain(value);
}

/** Of a Sidecar; `~/*` imports nothing. */
export function wrongSidecarHost(value: string): string | undefined {
  return value.includes("/")
    ? wrongHost(value, ["*", ".", "~"])
    : `${JSON.stringify(value)} has no namespace; write NAMESPACE/HOST, such as "./*" or "*/${value}"`;
}

function wrongHost(value: string, wildcards: readonly string[]): string | undefined {
  const slash = value.indexOf("/");
  const [namespace, host] = [value.slice(0, slash), value.slice(slash + 1)];
  if (namespace === "" || host === "") return `${JSON.stringify(value)}: neither the namespace nor the host may be empty`;
  if (!wildcards.includes(namespace) && wrongDnsLabel(namespace) !== undefined)
    return `${JSON.stringify(namespace)} is no namespace; write its name, ${wildcards.map((each) => JSON.stringify(each)).join(" or ")}`;
  return wrongWildcardDomain(host);
}

/** The parts of a host that one of the above found good. */
export function parseNamespacedHost(value: string): GatewayHost {
  const slash = value.indexOf("/");
  const host = value.slice(slash + 1).toLowerCase();
  return { namespace: slash < 0 ? "*" : value.slice(0, slash), host: host.replace(/(?<=.)\.$/, "") };
}
