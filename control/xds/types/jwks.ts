import type { JwksUri, JwtRule, ProxyView } from "../../model/index.ts";

/** Where the keys of a rule are fetched. Undefined where it has them itself, and where nobody knows: the issuer was to tell, and has not told yet. */
export function jwksUriOf(view: ProxyView, { keys }: JwtRule): JwksUri | undefined {
  if ("uri" in keys) return keys.uri;
  return "discovery" in keys ? view.discoveredKeys(keys.discovery) : undefined;
}
