import { ConfigValue } from "../config";
import { Regex } from "../regex";
import { IntegerRange } from "./integer-range";
import { StringMatch } from "./string-match";

const KINDS: string[] = ["exact", "prefix", "suffix", "contains", "regex", "present", "range"];
const FIELDS: string[] = ["exact", "prefix", "suffix", "contains", "regex", "present", "range", "ignoreCase"];
/** A number of JSON is a double, which holds every integer up to here (RFC 8259, section 6). */
const MAX_INTEGER: i64 = 0x1f_ffff_ffff_ffff;

/**
 * Reads a condition: one of `exact`, `prefix`, `suffix`, `contains`, `regex`, `present` (true or false) and `range` (`{start, end}`, the end
 * not included), beside the first four also `ignoreCase`. An empty object asks for presence, as in Istio's `headers: {x: {}}`.
 *
 * `ignoreCase` is what applies where the field is left out: true for what is compared without regard to case anyway, as hosts and schemes
 * are. What is wrong is reported at its place, and a condition returned that no value meets.
 */
export function parseStringMatch(value: ConfigValue, ignoreCase: bool = false): StringMatch {
  value.object(FIELDS);
  value.atMostOne(KINDS);
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
  // Envoy ignores the field there; a regex says (?i) itself.
  if (folding != null) folding.report("concerns exact, prefix, suffix and contains only");
  const regex = value.get("regex");
  if (regex != null) return parseRegex(regex);
  const range = value.get("range");
  if (range != null) return parseRange(range);
  const present = value.get("present");
  return present == null || present.bool() ? StringMatch.present() : StringMatch.absent();
}

function parseRegex(value: ConfigValue): StringMatch {
  const regex = Regex.compile(value.nonEmptyText().bytes);
  if (regex != null) return StringMatch.regex(regex);
  value.report(Regex.errorMessage());
  return StringMatch.absent();
}

function parseRange(value: ConfigValue): StringMatch {
  value.object(["start", "end"]);
  const start = value.required("start");
  const end = value.required("end");
  if (start == null || end == null) return StringMatch.absent();
  const first = start.integer(-MAX_INTEGER, MAX_INTEGER);
  const behind = end.integer(-MAX_INTEGER, MAX_INTEGER);
  if (behind <= first) end.report("must be greater than start");
  return StringMatch.range(new IntegerRange(first, behind));
}
