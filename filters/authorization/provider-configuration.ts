import { ConfigValue } from "../lib/config";
import { Glob } from "../lib/glob";
import { parseFixed, parsedFixed } from "../lib/number";
import { Text } from "../sdk";
import { AddedHeader, Provider } from "./provider";

const FIELDS: string[] = ["name", "envoyExtAuthzHttp"];
const HTTP_FIELDS: string[] = [
  "cluster",
  "timeout",
  "pathPrefix",
  "failOpen",
  "statusOnError",
  "includeRequestHeadersInCheck",
  "includeAdditionalHeadersInCheck",
  "headersToUpstreamOnAllow",
  "headersToDownstreamOnDeny",
];

/** Reads one of `extensionProviders`: fields as in Istio's mesh configuration, but for `cluster`, which is `service` and `port` there. */
export function parseProvider(value: ConfigValue): Provider {
  value.object(FIELDS);
  const nameField = value.required("name");
  const provider = new Provider(nameField != null ? nameField.nonEmptyText().toString() : "");
  const http = value.required("envoyExtAuthzHttp");
  if (http == null) return provider;
  const cluster = http.object(HTTP_FIELDS).required("cluster");
  if (cluster != null) provider.cluster = cluster.nonEmptyText();
  const timeout = http.get("timeout");
  if (timeout != null) {
    provider.timeout = <u32>timeout.duration();
    if (provider.timeout == 0) timeout.report("must be more than nothing");
  }
  const prefix = http.get("pathPrefix");
  if (prefix != null) {
    provider.pathPrefix = prefix.headerValue();
    if (!prefix.text().toString().startsWith("/")) prefix.report("must begin with /");
  }
  const failOpen = http.get("failOpen");
  if (failOpen != null) provider.failOpen = failOpen.bool();
  const status = http.get("statusOnError");
  if (status != null) provider.statusOnError = parseStatus(status);
  const sent = http.get("includeRequestHeadersInCheck");
  if (sent != null) provider.includeRequestHeadersInCheck = parseNames(sent);
  const added = http.get("includeAdditionalHeadersInCheck");
  if (added != null) {
    const entries = added.entries();
    for (let i = 0; i < entries.length; i++) {
      provider.includeAdditionalHeadersInCheck.push(new AddedHeader(headerName(entries[i]), entries[i].headerValue()));
    }
  }
  const upstream = http.get("headersToUpstreamOnAllow");
  if (upstream != null) provider.headersToUpstreamOnAllow = parseNames(upstream);
  const downstream = http.get("headersToDownstreamOnDeny");
  if (downstream != null) provider.headersToDownstreamOnDeny = parseNames(downstream);
  return provider;
}

/** A status as text, as Istio has it: `"503"`. */
function parseStatus(value: ConfigValue): u32 {
  const status = parseFixed(value.text().bytes, 0);
  if (parsedFixed() && status >= 400 && status <= 599) return <u32>status;
  value.report('expected a status from 400 to 599 as text, such as "503"');
  return 403;
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
