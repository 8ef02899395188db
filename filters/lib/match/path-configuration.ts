import { ConfigValue } from "../config";
import { PathTemplate, templateErrorMessage } from "../glob";
import { Regex } from "../regex";
import { PathMatch } from "./path-match";

const KINDS: string[] = ["exact", "prefix", "template", "regex"];
const FIELDS: string[] = ["exact", "prefix", "template", "regex", "ignoreCase"];

/**
 * Reads a condition on a path: one of `exact`, `prefix`, `template` (Envoy's path template) and `regex`, beside the first two also
 * `ignoreCase`. What is wrong is reported at its place.
 */
export function parsePathMatch(value: ConfigValue): PathMatch {
  value.object(FIELDS);
  if (value.atMostOne(KINDS) == 0 && value.isObject) value.report("needs one of exact, prefix, template, regex");
  const folding = value.get("ignoreCase");
  const folds = folding != null && folding.bool();
  const exact = value.get("exact");
  if (exact != null) return PathMatch.exact(exact.nonEmptyText(), folds);
  const prefix = value.get("prefix");
  if (prefix != null) return PathMatch.prefix(prefix.nonEmptyText(), folds);
  if (folding != null) folding.report("concerns exact and prefix only");
  const template = value.get("template");
  if (template != null) return parseTemplate(template);
  const regex = value.get("regex");
  if (regex != null) return parseRegex(regex);
  return PathMatch.any();
}

function parseTemplate(value: ConfigValue): PathMatch {
  const text = value.nonEmptyText();
  const template = PathTemplate.compile(text.bytes);
  if (template != null) return PathMatch.ofTemplate(text, template);
  value.report(templateErrorMessage(PathTemplate.error) + ", at character " + (PathTemplate.errorOffset + 1).toString() + " of it");
  return PathMatch.any();
}

function parseRegex(value: ConfigValue): PathMatch {
  const text = value.nonEmptyText();
  const regex = Regex.compile(text.bytes);
  if (regex != null) return PathMatch.ofRegex(text, regex);
  value.report(Regex.errorMessage());
  return PathMatch.any();
}
