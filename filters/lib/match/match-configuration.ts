import { RangeSet } from "../cidr";
import { ConfigValue } from "../config";
import { Bucketing } from "./bucket";
import { parseBucketing } from "./bucketing-configuration";
import { parseStringMatch } from "./configuration";
import { Match, NamedMatch } from "./match";
import { parsePathMatch } from "./path-configuration";

const MATCH_FIELDS: string[] = [
  "uri",
  "method",
  "scheme",
  "authority",
  "headers",
  "withoutHeaders",
  "queryParams",
  "cookies",
  "sourceIpBlocks",
  "percentage",
];

/**
 * Reads one block of conditions: `uri`, `method`, `scheme`, `authority`, `headers`, `withoutHeaders`, `queryParams`, `cookies`, `sourceIpBlocks`,
 * `percentage`. What is wrong is reported at its place.
 */
export function parseMatch(value: ConfigValue): Match {
  const match = new Match();
  value.object(MATCH_FIELDS);
  const uri = value.get("uri");
  if (uri != null) match.path = parsePathMatch(uri);
  const method = value.get("method");
  if (method != null) match.method = parseStringMatch(method, false);
  const scheme = value.get("scheme");
  if (scheme != null) match.scheme = parseStringMatch(scheme, true);
  const authority = value.get("authority");
  if (authority != null) match.authority = parseStringMatch(authority, true);
  match.headers = parseNamed(value.get("headers"), true);
  match.withoutHeaders = parseNamed(value.get("withoutHeaders"), true);
  match.queryParams = parseNamed(value.get("queryParams"), false);
  match.cookies = parseNamed(value.get("cookies"), false);
  const sources = value.get("sourceIpBlocks");
  if (sources != null) match.sources = parseSources(sources);
  const percentage = value.get("percentage");
  if (percentage != null) parseShare(percentage, match);
  return match;
}

function parseNamed(value: ConfigValue | null, headers: bool): NamedMatch[] {
  const conditions: NamedMatch[] = [];
  if (value == null) return conditions;
  const entries = value.entries();
  for (let i = 0; i < entries.length; i++) {
    conditions.push(new NamedMatch(headers ? entries[i].headerKey() : entries[i].key, parseStringMatch(entries[i], false)));
  }
  return conditions;
}

function parseSources(value: ConfigValue): RangeSet {
  const ranges = new RangeSet();
  const items = value.items();
  if (items.length == 0 && value.isList) value.report("must not be empty");
  for (let i = 0; i < items.length; i++) {
    if (!ranges.add(items[i].text().bytes)) items[i].report("expected an address or a range such as 10.0.0.0/8 or fd00::/8");
  }
  ranges.build();
  return ranges;
}

function parseShare(value: ConfigValue, match: Match): void {
  value.object(["value", "by"]);
  const size = value.required("value");
  if (size != null) match.shareSize = size.percentage();
  const by = value.get("by");
  match.share = by != null ? parseBucketing(by) : Bucketing.random();
}
