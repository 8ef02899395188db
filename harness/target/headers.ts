import type { HeaderList } from "./exchange.ts";

/**
 * Headers that a result leaves out: what changes from run to run, and what frames a message on one hop (its length can be seen in the
 * body). Pseudo-headers and `host` stand in fields of their own.
 */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "host",
  "http2-settings",
  "keep-alive",
  "sec-websocket-accept",
  "sec-websocket-key",
  "transfer-encoding",
  "x-envoy-upstream-service-time",
  "x-request-id",
]);

/**
 * Headers as every target reports them in an `ExchangeResult`: names in lower case, without what {@link LEFT_OUT} names, sorted by name.
 * The order between different names carries no meaning (RFC 9110, section 5.3); values of one name keep theirs.
 */
export function reportedHeaders(headers: HeaderList): HeaderList {
  return headers
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !name.startsWith(":") && !LEFT_OUT.has(name))
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
