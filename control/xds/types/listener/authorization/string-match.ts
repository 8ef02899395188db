import type { StringMatcherSchema } from "../../../../envoy-api/generated/envoy/type/matcher/v3/string_pb.ts";
import type { Init } from "../init.ts";

export type StringMatch = Init<typeof StringMatcherSchema>;

/** Istio's `StringMatcher`: `abc`, `abc*`, `*abc`, or `*` for anything but nothing. */
export function stringMatch(value: string): StringMatch {
  if (value === "*") return regexMatch(".+");
  if (value.startsWith("*")) return { matchPattern: { case: "suffix", value: value.slice(1) } };
  if (value.endsWith("*")) return { matchPattern: { case: "prefix", value: value.slice(0, -1) } };
  return { matchPattern: { case: "exact", value } };
}

/** Istio's `StringMatcherWithPrefix`: behind a star everything is a part of a regular expression. */
export function stringMatchBehind(prefix: string, value: string): StringMatch {
  if (value === "*") return regexMatch(".+");
  if (value.startsWith("*")) return regexMatch(`${prefix}.*${value.slice(1)}`);
  if (value.endsWith("*")) return { matchPattern: { case: "prefix", value: `${prefix}${value.slice(0, -1)}` } };
  return { matchPattern: { case: "exact", value: `${prefix}${value}` } };
}

export function regexMatch(regex: string): StringMatch {
  return { matchPattern: { case: "safeRegex", value: { regex } } };
}
