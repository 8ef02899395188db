import { boolean, defaulted, type FieldType, list, map, object, optional, portNumber, refused, text } from "../../model/fields/index.ts";
import type { StringMatch } from "../../model/index.ts";
import { labels, subnet, wildcardDomain, wrongDnsLabel } from "../../model/parts/index.ts";
import { gatewayName } from "./gateway-name.ts";
import { wrongHeaderName } from "./header-name.ts";
import { wrongRegex } from "./regex.ts";

const stringMatchObject = object(
  {
    exact: optional(text({ empty: true }), "The whole value."),
    prefix: optional(text(), "What the value begins with."),
    regex: optional(text(), "A regular expression (RE2) for the whole value."),
  },
  { exclusive: [["exact", "prefix", "regex"]] },
);

/** `StringMatch`; nothing in it means that any value will do. */
export const stringMatch: FieldType<StringMatch | "present"> = {
  shape: "object",
  members: stringMatchObject.members,
  read(value, context) {
    const read = stringMatchObject.read(value, context);
    if (read === undefined) return undefined;
    if (read.exact !== undefined) return { exact: read.exact };
    if (read.prefix !== undefined) return { prefix: read.prefix };
    if (read.regex === undefined) return "present";
    // `*` is no regular expression; Istio takes it for "there is a value" (istio/istio#20629).
    const wrong = read.regex === "*" ? undefined : wrongRegex(read.regex);
    return wrong === undefined ? { regex: read.regex } : context.at("regex").wrong(wrong);
  },
};

const headerMatches = map(stringMatch, {
  key: (name) => (name.startsWith("@request.auth.claims") ? wrongClaim(name) : wrongHeaderName(name)),
});

/** `@request.auth.claims.group`, `@request.auth.claims[org][team]`: the path of the claim; undefined where the name is none. */
export function claimPath(name: string): readonly string[] | undefined {
  const rest = /^@request\.auth\.claims(.+)$/.exec(name)?.[1];
  if (rest === undefined) return undefined;
  if (/^(\.[^.[\]]+)+$/.test(rest)) return rest.slice(1).split(".");
  if (/^(\[[^[\]]+\])+$/.test(rest)) return rest.slice(1, -1).split("][");
  return undefined;
}

function wrongClaim(name: string): string | undefined {
  return claimPath(name) === undefined
    ? `${JSON.stringify(name)} names no claim; write @request.auth.claims.group, or @request.auth.claims[org][team] for one within another`
    : undefined;
}

const source = {
  sourceLabels: defaulted(labels, {}, "Labels of the client's workload."),
  sourceNamespace: optional(text({ check: wrongDnsLabel }), "Namespace of the client's workload."),
  gateways: optional(
    list(gatewayName),
    "Gateways of the object for which this holds, `mesh` for sidecars. Default: all of them. In `http` labels and namespace are not looked at beside it.",
  ),
};

export const httpMatch = object({
  name: defaulted(text({ empty: true }), "", "Added to the route's name."),
  uri: optional(stringMatch, "Of the path, without query, as Envoy has normalised it."),
  scheme: optional(stringMatch, "Of the scheme."),
  method: optional(stringMatch, "Of the method."),
  authority: optional(stringMatch, "Of the host as the client wrote it: with its port, if it named one, and case-sensitive."),
  headers: defaulted(
    headerMatches,
    {},
    "Of headers; {} asks that it is there. `@request.auth.claims.NAME` means a claim of the token that `builtin://authentication` verified, on gateways.",
  ),
  port: optional(portNumber, "Of the listener on which the request came."),
  ...source,
  queryParams: defaulted(map(stringMatch), {}, "Of parameters of the query: the first of the name, not decoded."),
  ignoreUriCase: defaulted(boolean, false, "Whether `uri` takes no notice of case; not for regular expressions."),
  withoutHeaders: defaulted(headerMatches, {}, "Headers that must not be so; {} asks that it is not there."),
  statPrefix: optional(text(), "Statistics of the route under this name."),
});

const layer4 = {
  destinationSubnets: defaulted(list(subnet), [], "Addresses that the client wanted to reach."),
  port: optional(portNumber, "Of the listener to which the client came."),
  ...source,
};

export const tcpMatch = object({
  ...layer4,
  sourceSubnet: refused("Istio's API has the name, and Istio does not carry it out; select clients by sourceLabels or sourceNamespace"),
});
export const tlsMatch = object({ sniHosts: defaulted(list(wildcardDomain), [], "Names by SNI, within the object's hosts."), ...layer4 });
