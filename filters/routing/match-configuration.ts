import { RangeSet } from "../lib/cidr";
import { ConfigValue } from "../lib/config";
import { PathTemplate, templateErrorMessage } from "../lib/glob";
import { IntegerRange, StringMatch } from "../lib/match";
import { decimal } from "../lib/number";
import { Regex } from "../lib/regex";
import { Text } from "../sdk";
import { Bucketing, BucketKey } from "./bucket";
import { parseBucketing } from "./bucketing-configuration";
import { Match, NamedMatch, PathMatch, PathMatchKind } from "./match";

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
const PATH_KINDS: string[] = ["exact", "prefix", "template", "regex"];
const STRING_KINDS: string[] = ["exact", "prefix", "suffix", "contains", "regex", "present", "range"];
const STRING_FIELDS: string[] = ["exact", "prefix", "suffix", "contains", "regex", "present", "range", "ignoreCase"];

export function parseMatch(value: ConfigValue): Match {
  const match = new Match();
  value.object(MATCH_FIELDS);
  const uri = value.get("uri");
  if (uri != null) match.path = parsePath(uri);
  const method = value.get("method");
  if (method != null) match.method = parseString(method, false);
  const scheme = value.get("scheme");
  if (scheme != null) match.scheme = parseString(scheme, true);
  const authority = value.get("authority");
  if (authority != null) match.authority = parseString(authority, true);
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

function parsePath(value: ConfigValue): PathMatch {
  value.object(["exact", "prefix", "template", "regex", "ignoreCase"]);
  if (value.atMostOne(PATH_KINDS) == 0 && value.isObject) value.report("needs one of exact, prefix, template, regex");
  const ignoreCase = value.get("ignoreCase");
  const folds = ignoreCase != null && ignoreCase.bool();
  const exact = value.get("exact");
  if (exact != null) return new PathMatch(PathMatchKind.Exact, exact.nonEmptyText(), folds, null, null);
  const prefix = value.get("prefix");
  if (prefix != null) return new PathMatch(PathMatchKind.Prefix, prefix.nonEmptyText(), folds, null, null);
  if (folds && ignoreCase != null) ignoreCase.report("concerns exact and prefix only; a regex has (?i)");
  const template = value.get("template");
  if (template != null) return new PathMatch(PathMatchKind.Template, template.nonEmptyText(), false, parseTemplate(template), null);
  const regex = value.get("regex");
  if (regex != null) return new PathMatch(PathMatchKind.Regex, regex.nonEmptyText(), false, null, parseRegex(regex));
  return new PathMatch(PathMatchKind.Any, Text.of(""), false, null, null);
}

function parseTemplate(value: ConfigValue): PathTemplate | null {
  const template = PathTemplate.compile(value.text().bytes);
  if (template == null) value.report(templateErrorMessage(PathTemplate.error) + " at offset " + decimal(PathTemplate.errorOffset));
  return template;
}

/** `null` after a report. */
export function parseRegex(value: ConfigValue): Regex | null {
  const regex = Regex.compile(value.text().bytes);
  if (regex == null) value.report(Regex.errorMessage());
  return regex;
}

/** A condition on a value; `ignoreCase` is what applies where the field is left out. */
export function parseString(value: ConfigValue, ignoreCase: bool): StringMatch {
  value.object(STRING_FIELDS);
  value.atMostOne(STRING_KINDS);
  const folding = value.get("ignoreCase");
  const folds = folding != null ? folding.bool() : ignoreCase;
  const exact = value.get("exact");
  if (exact != null) return StringMatch.exact(exact.text().bytes, folds);
  const prefix = value.get("prefix");
  if (prefix != null) return StringMatch.prefix(prefix.nonEmptyText().bytes, folds);
  const suffix = value.get("suffix");
  if (suffix != null) return StringMatch.suffix(suffix.nonEmptyText().bytes, folds);
  const contains = value.get("contains");
  if (contains != null) return StringMatch.contains(contains.nonEmptyText().bytes, folds);
  if (folding != null) folding.report("concerns exact, prefix, suffix and contains only");
  const regex = value.get("regex");
  if (regex != null) {
    const compiled = parseRegex(regex);
    return compiled != null ? StringMatch.regex(compiled) : StringMatch.absent();
  }
  const range = value.get("range");
  if (range != null) return parseRange(range);
  const present = value.get("present");
  return present == null || present.bool() ? StringMatch.present() : StringMatch.absent();
}

function parseRange(value: ConfigValue): StringMatch {
  value.object(["start", "end"]);
  const start = value.required("start");
  const end = value.required("end");
  if (start == null || end == null) return StringMatch.absent();
  // Numbers of JSON are exact up to 2^53.
  const from = start.integer(-0x1f_ffff_ffff_ffff, 0x1f_ffff_ffff_ffff);
  const to = end.integer(-0x1f_ffff_ffff_ffff, 0x1f_ffff_ffff_ffff);
  if (to <= from) end.report("must be greater than start");
  return StringMatch.range(new IntegerRange(from, to));
}

function parseNamed(value: ConfigValue | null, headers: bool): NamedMatch[] {
  const conditions: NamedMatch[] = [];
  if (value == null) return conditions;
  const entries = value.entries();
  for (let i = 0; i < entries.length; i++) {
    conditions.push(new NamedMatch(headers ? entries[i].headerKey() : entries[i].key, parseString(entries[i], false)));
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
  match.share = by != null ? parseBucketing(by) : new Bucketing(BucketKey.Random, Text.of(""), 0);
}
