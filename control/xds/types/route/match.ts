import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RouteMatchSchema,
} from "../../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import type { MetadataMatcherSchema } from "../../../envoy-api/generated/envoy/type/matcher/v3/metadata_pb.ts";
import type { StringMatcherSchema } from "../../../envoy-api/generated/envoy/type/matcher/v3/string_pb.ts";
import type { HeaderMatch, HttpMatch, StringMatch } from "../../../model/index.ts";
import type { Init } from "./init.ts";

/** Dynamic metadata of this name holds the claims of the token that was verified, under `claims`. */
export const AUTHENTICATION_METADATA = "meshwright.authentication";

export type RouteMatch = Init<typeof RouteMatchSchema>;

/** Every request. */
export const everything: RouteMatch = { pathSpecifier: { case: "prefix", value: "/" } };

/** One of a route's alternatives as Envoy matches it by itself; the port is not Envoy's to match, so it must have been looked at before. */
export function routeMatch(match: HttpMatch | undefined): RouteMatch {
  if (match === undefined) return everything;
  const [claims, headers] = split(match.headers);
  const [withoutClaims, withoutHeaders] = split(match.withoutHeaders);
  return {
    pathSpecifier: pathSpecifier(match.uri),
    ...(match.ignoreUriCase ? { caseSensitive: false } : {}),
    headers: [
      ...headers.map((each) => headerMatcher(each.name, each.value)),
      ...withoutHeaders.map((each) => withoutHeader(each)),
      ...pseudoHeader(":method", match.method),
      ...pseudoHeader(":authority", match.authority),
      ...pseudoHeader(":scheme", match.scheme),
    ],
    queryParameters: match.queryParams.map(({ name, value }) => queryParameter(name, value)),
    dynamicMetadata: [...claims.map((each) => claimMatcher(each, false)), ...withoutClaims.map((each) => claimMatcher(each, true))],
  };
}

/** Whether it looks at claims of a token, by `@request.auth.claims`. */
export function asksForClaims({ dynamicMetadata = [] }: RouteMatch): boolean {
  return dynamicMetadata.length > 0;
}

/** Whether no request gets past it: no conditions, and a path that all have (Istio's `IsCatchAllRoute`). */
export function isCatchAll({ pathSpecifier, headers = [], queryParameters = [], dynamicMetadata = [] }: RouteMatch): boolean {
  if (headers.length + queryParameters.length + dynamicMetadata.length > 0) return false;
  if (pathSpecifier?.case === "prefix") return pathSpecifier.value === "/";
  return pathSpecifier?.case === "safeRegex" && pathSpecifier.value.regex === ".*";
}

function pathSpecifier(uri: StringMatch | undefined): NonNullable<RouteMatch["pathSpecifier"]> {
  if (uri === undefined) return { case: "prefix", value: "/" };
  if ("exact" in uri) return { case: "path", value: uri.exact };
  if ("prefix" in uri) return { case: "prefix", value: uri.prefix };
  return { case: "safeRegex", value: { regex: uri.regex } };
}

function split(matches: readonly HeaderMatch[]): [claims: readonly HeaderMatch[], headers: readonly HeaderMatch[]] {
  return [matches.filter(({ claim }) => claim !== undefined), matches.filter(({ claim }) => claim === undefined)];
}

function headerMatcher(name: string, value: StringMatch | "present"): Init<typeof HeaderMatcherSchema> {
  return isPresence(value)
    ? { name, headerMatchSpecifier: { case: "presentMatch", value: true } }
    : { name, headerMatchSpecifier: { case: "stringMatch", value: stringMatcher(value) } };
}

/** A missing header is one that does not match, so it meets the condition, whatever the value. */
function withoutHeader({ name, value }: HeaderMatch): Init<typeof HeaderMatcherSchema> {
  return { ...headerMatcher(name, value), invertMatch: true, ...(isPresence(value) ? {} : { treatMissingHeaderAsEmpty: true }) };
}

function pseudoHeader(name: string, value: StringMatch | undefined): Init<typeof HeaderMatcherSchema>[] {
  return value === undefined ? [] : [headerMatcher(name, value)];
}

function queryParameter(name: string, value: StringMatch | "present"): Init<typeof QueryParameterMatcherSchema> {
  return isPresence(value)
    ? { name, queryParameterMatchSpecifier: { case: "presentMatch", value: true } }
    : { name, queryParameterMatchSpecifier: { case: "stringMatch", value: stringMatcher(value) } };
}

/** `regex: "*"` is no regular expression, but Istio's way to say that there is a value (istio/istio#20629). */
function isPresence(value: StringMatch | "present"): value is "present" {
  return value === "present" || ("regex" in value && value.regex === "*");
}

export function stringMatcher(match: StringMatch): Init<typeof StringMatcherSchema> {
  if ("exact" in match) return { matchPattern: { case: "exact", value: match.exact } };
  if ("prefix" in match) return { matchPattern: { case: "prefix", value: match.prefix } };
  return { matchPattern: { case: "safeRegex", value: { regex: match.regex } } };
}

/** A claim that is a text, or a list in which one entry matches. */
function claimMatcher({ claim = [], value }: HeaderMatch, invert: boolean): Init<typeof MetadataMatcherSchema> {
  const matcher = isPresence(value) ? { matchPattern: { case: "presentMatch" as const, value: true } } : either(stringMatcher(value));
  return {
    filter: AUTHENTICATION_METADATA,
    path: ["claims", ...claim].map((key) => ({ segment: { case: "key" as const, value: key } })),
    value: matcher,
    invert,
  };
}

function either(value: Init<typeof StringMatcherSchema>): NonNullable<Init<typeof MetadataMatcherSchema>["value"]> {
  const text = { matchPattern: { case: "stringMatch" as const, value } };
  const entry = { matchPattern: { case: "listMatch" as const, value: { matchPattern: { case: "oneOf" as const, value: text } } } };
  return { matchPattern: { case: "orMatch", value: { valueMatchers: [text, entry] } } };
}
