import { ConfigValue } from "../lib/config";
import { Glob } from "../lib/glob";
import { parseFixed, parsedFixed } from "../lib/number";
import { Text } from "../sdk";
import { Limits } from "./limits";
import { AddedHeader, Provider } from "./provider";

const HTTP = "envoyExtAuthzHttp";
const GRPC = "envoyExtAuthzGrpc";
const FIELDS: string[] = ["name", HTTP, GRPC];
/** Fields of both, and what Istio has that a filter cannot do, to say why. */
const COMMON_FIELDS: string[] = [
  "cluster",
  "timeout",
  "failOpen",
  "statusOnError",
  "clearRouteCache",
  "includeRequestBodyInCheck",
  "service",
  "port",
];
const HTTP_FIELDS: string[] = COMMON_FIELDS.concat([
  "pathPrefix",
  "includeRequestHeadersInCheck",
  "includeHeadersInCheck",
  "includeAdditionalHeadersInCheck",
  "headersToUpstreamOnAllow",
  "headersToDownstreamOnAllow",
  "headersToDownstreamOnDeny",
]);
const GRPC_FIELDS: string[] = COMMON_FIELDS.concat(["contextExtensions"]);
const BODY_FIELDS: string[] = ["maxRequestBytes", "allowPartialMessage", "packAsBytes"];

/** Reads one of `extensionProviders`: fields as in Istio's mesh configuration, but for `cluster`, which is `service` and `port` there. */
export function parseProvider(value: ConfigValue): Provider {
  value.object(FIELDS);
  const nameField = value.required("name");
  const provider = new Provider(nameField != null ? nameField.nonEmptyText().toString() : "");
  const http = value.get(HTTP);
  const grpc = value.get(GRPC);
  if ((http == null) == (grpc == null)) value.report("needs one of `envoyExtAuthzHttp` and `envoyExtAuthzGrpc`");
  else if (http != null) parseHttp(http, provider);
  else if (grpc != null) parseGrpc(grpc, provider);
  return provider;
}

function parseCommon(value: ConfigValue, provider: Provider): void {
  const cluster = value.required("cluster");
  if (cluster != null) provider.cluster = cluster.nonEmptyText();
  refuse(value, "service", "a filter knows Envoy's clusters: name one in `cluster`");
  refuse(value, "port", "a filter knows Envoy's clusters: name one in `cluster`");
  const timeout = value.get("timeout");
  if (timeout != null) {
    provider.timeout = <u32>timeout.duration();
    if (provider.timeout == 0) timeout.report("must be more than nothing");
  }
  provider.failOpen = parseFlag(value, "failOpen", false);
  const status = value.get("statusOnError");
  if (status != null) provider.statusOnError = parseStatus(status);
  if (!parseFlag(value, "clearRouteCache", true)) {
    refuse(value, "clearRouteCache", "Envoy chooses the route anew whenever a filter changes a header: it can only be true");
  }
  const body = value.get("includeRequestBodyInCheck");
  if (body == null) return;
  const most = body.object(BODY_FIELDS).required("maxRequestBytes");
  if (most != null) provider.maxRequestBytes = <i32>most.integer(1, Limits.CHECK_BODY);
  provider.allowPartialMessage = parseFlag(body, "allowPartialMessage", false);
  provider.packAsBytes = parseFlag(body, "packAsBytes", false);
}

function parseHttp(value: ConfigValue, provider: Provider): void {
  parseCommon(value.object(HTTP_FIELDS), provider);
  const prefix = value.get("pathPrefix");
  if (prefix != null) {
    provider.pathPrefix = prefix.headerValue();
    if (!prefix.text().toString().startsWith("/")) prefix.report("must begin with /");
  }
  const sent = value.get("includeRequestHeadersInCheck");
  if (sent != null) {
    provider.includeRequestHeadersInCheck = parseNames(sent);
    refuse(value, "includeHeadersInCheck", "is the old name of includeRequestHeadersInCheck, which is set too");
  } else {
    const old = value.get("includeHeadersInCheck");
    if (old != null) provider.includeRequestHeadersInCheck = parseNames(old);
  }
  provider.includeAdditionalHeadersInCheck = parseAdded(value.get("includeAdditionalHeadersInCheck"), true);
  const upstream = value.get("headersToUpstreamOnAllow");
  if (upstream != null) provider.headersToUpstreamOnAllow = parseNames(upstream);
  const downstream = value.get("headersToDownstreamOnAllow");
  if (downstream != null) provider.headersToDownstreamOnAllow = parseNames(downstream);
  const denial = value.get("headersToDownstreamOnDeny");
  if (denial != null) provider.headersToDownstreamOnDeny = parseNames(denial);
}

function parseGrpc(value: ConfigValue, provider: Provider): void {
  parseCommon(value.object(GRPC_FIELDS), provider);
  provider.grpc = true;
  provider.contextExtensions = parseAdded(value.get("contextExtensions"), false);
}

/** Reports a field that is there and must not be. */
function refuse(value: ConfigValue, name: string, reason: string): void {
  const field = value.get(name);
  if (field != null) field.report(reason);
}

function parseFlag(value: ConfigValue, name: string, fallback: bool): bool {
  const field = value.get(name);
  return field != null ? field.bool() : fallback;
}

/** A status as text, as Istio has it: `"503"`. */
function parseStatus(value: ConfigValue): u32 {
  const status = parseFixed(value.text().bytes, 0);
  if (parsedFixed() && status >= 400 && status <= 599) return <u32>status;
  value.report('expected a status from 400 to 599 as text, such as "503"');
  return 403;
}

/** Names and fixed values: of headers, else of anything. */
function parseAdded(value: ConfigValue | null, areHeaders: bool): AddedHeader[] {
  const added: AddedHeader[] = [];
  const entries: ConfigValue[] = value != null ? value.entries() : [];
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i];
    added.push(areHeaders ? new AddedHeader(headerName(entry), entry.headerValue()) : new AddedHeader(entry.key, entry.text()));
  }
  return added;
}

function headerName(entry: ConfigValue): Text {
  const name = entry.headerKey();
  if (name.bytes.length > 0 && name.bytes[0] == 0x3a) entry.report("a pseudo-header cannot be added");
  return name;
}

/** Names of headers, with a star at one end; in lower case. */
function parseNames(value: ConfigValue): Glob[] {
  const items = value.items();
  const names: Glob[] = [];
  for (let i = 0; i < items.length; i++) names.push(Glob.compile(Text.lowerCase(items[i].nonEmptyText().bytes).bytes));
  return names;
}
