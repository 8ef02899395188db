import { type AuthorizationPolicy, type ExternalAuthorizer, externalAuthorizer, type ProxyView } from "../../model/index.ts";
import { outboundCluster } from "./cluster-name.ts";

/** The AuthorizationPolicies of a proxy's workload, as they can be carried out. */
export interface Authorization {
  /** Whom CUSTOM policies ask. */
  readonly authorizer: ExternalAuthorizer | undefined;
  readonly custom: readonly AuthorizationPolicy[];
  /** All others; those of CUSTOM that cannot be asked about deny what they match. */
  readonly policies: readonly AuthorizationPolicy[];
}

export function authorizationOf(view: ProxyView): Authorization {
  const all = view.policies("AuthorizationPolicy");
  const custom = all.filter(({ action }) => action === "CUSTOM");
  const policies = all.filter(({ action }) => action !== "CUSTOM");
  if (custom.length === 0) return { authorizer: undefined, custom, policies };
  const authorizer = authorizerOf(view, custom);
  if (authorizer !== undefined) return { authorizer, custom, policies };
  const denials = custom.map((policy): AuthorizationPolicy => ({ ...policy, action: "DENY", provider: undefined }));
  return { authorizer, custom: [], policies: [...denials, ...policies] };
}

/**
 * The one provider that all CUSTOM policies of a workload name (Istio's `getExtAuthz`). Undefined where they name several, and where it cannot be asked: it does not exist, an option is not supported, or the proxy
 * does not know its service.
 */
function authorizerOf(view: ProxyView, custom: readonly AuthorizationPolicy[]): ExternalAuthorizer | undefined {
  const [name, ...others] = new Set(custom.map(({ provider }) => provider));
  if (name === undefined || others.length > 0) return undefined;
  const authorizer = externalAuthorizer(view.settings(), name);
  if (typeof authorizer === "string") return undefined;
  const { host, port } = authorizer;
  const isKnown = view.hosts().includes(host) && view.service(host)?.ports.some(({ number }) => number === port) === true;
  return isKnown ? authorizer : undefined;
}

/** The cluster by which a provider is reached. */
export function authorizerCluster({ host, port }: ExternalAuthorizer): string {
  return outboundCluster(host, port);
}
