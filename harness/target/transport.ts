import { DEFAULT_SCHEME } from "./defaults.ts";
import type { ExchangeRequest } from "./exchange.ts";

/** Whether the client comes over TLS: with `https`, or with what only TLS can carry, a server name or a principal. */
export function overTls({ scheme, sni, source }: Pick<ExchangeRequest, "scheme" | "sni" | "source">): boolean {
  return scheme?.toLowerCase() === "https" || sni !== undefined || source?.principal !== undefined;
}

/** What the client says in `:scheme`; HTTP/1.1 says nothing, and Envoy goes by the connection. */
export function schemeOf(request: ExchangeRequest): string {
  const { scheme, protocol = "http/1.1" } = request;
  const ofConnection = overTls(request) ? "https" : DEFAULT_SCHEME;
  return protocol === "http/1.1" || protocol === "websocket" ? ofConnection : (scheme ?? ofConnection);
}
