import { Bytes } from "../bytes";
import { RangeSet } from "../cidr";
import { parseClaimPath } from "../claims";
import { ConfigValue } from "../config";
import { parseStringMatch } from "./configuration";
import { ClaimMatch, Match, NamedMatch } from "./match";
import { parsePathMatch } from "./path-configuration";
import { parseShare } from "./share-configuration";

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

/** Istio's name for a claim where a header's name can stand; it compares this part without regard to case. */
const CLAIMS = Bytes.of("@request.auth.claims");

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
  parseHeaders(value.get("headers"), match.headers, match.claims);
  parseHeaders(value.get("withoutHeaders"), match.withoutHeaders, match.withoutClaims);
  match.queryParams = parseNamed(value.get("queryParams"));
  match.cookies = parseNamed(value.get("cookies"));
  const sources = value.get("sourceIpBlocks");
  if (sources != null) match.sources = parseSources(sources);
  const percentage = value.get("percentage");
  if (percentage != null) match.share = parseShare(percentage);
  return match;
}

function parseHeaders(value: ConfigValue | null, headers: NamedMatch[], claims: ClaimMatch[]): void {
  if (value == null) return;
  const entries = value.entries();
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i];
    const condition = parseStringMatch(entry, false);
    const name = entry.key.bytes;
    if (!name.startsWithIgnoreCase(CLAIMS)) {
      headers.push(new NamedMatch(entry.headerKey(), condition));
      continue;
    }
    const path = parseClaimPath(name.slice(CLAIMS.length));
    if (path != null) claims.push(new ClaimMatch(path, condition));
    else entry.report("expected @request.auth.claims.NAME or @request.auth.claims[NAME]; a claim within a claim is [NAME][NAME]");
  }
}

function parseNamed(value: ConfigValue | null): NamedMatch[] {
  const conditions: NamedMatch[] = [];
  if (value == null) return conditions;
  const entries = value.entries();
  for (let i = 0; i < entries.length; i++) {
    conditions.push(new NamedMatch(entries[i].key, parseStringMatch(entries[i], false)));
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
