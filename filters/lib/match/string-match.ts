import { Bytes, Text, toLower } from "../bytes";
import { Regex } from "../regex";
import { IntegerRange } from "./integer-range";
import { Search } from "./search";

/** What a {@link StringMatch} asks of a value. */
export const enum StringMatchKind {
  Exact,
  Prefix,
  Suffix,
  Contains,
  /** The whole value matches an RE2 expression. */
  Regex,
  /** The value is a decimal number in a range. */
  Range,
  /** There is a value, be it empty. */
  Present,
  /** There is no value. */
  Absent,
}

/**
 * One condition on the value of a header, query parameter, cookie or pseudo-header: Envoy's `StringMatcher` and `HeaderMatcher` in one.
 * Built with the configuration; a match allocates nothing and takes time linear in the value. `ignoreCase` folds ASCII letters only, as
 * Envoy does, and concerns exact, prefix, suffix and contains.
 *
 * A name that stands several times is the caller's: a condition holds where it holds for one of the values, taken one by one (Envoy's
 * join of them was CVE-2026-26308), and where none is there, as {@link matchesMissing} says.
 */
@final
export class StringMatch {
  private constructor(
    readonly kind: StringMatchKind,
    /** What an exact, prefix, suffix or contains match looks for; empty for the others. */
    readonly text: Text,
    readonly ignoreCase: bool,
    private readonly search: Search | null,
    private readonly expression: Regex | null,
    private readonly integers: IntegerRange | null,
  ) {}

  static exact(text: Bytes, ignoreCase: bool = false): StringMatch {
    return new StringMatch(StringMatchKind.Exact, Text.from(text), ignoreCase, null, null, null);
  }

  static prefix(text: Bytes, ignoreCase: bool = false): StringMatch {
    return new StringMatch(StringMatchKind.Prefix, Text.from(text), ignoreCase, null, null, null);
  }

  static suffix(text: Bytes, ignoreCase: bool = false): StringMatch {
    return new StringMatch(StringMatchKind.Suffix, Text.from(text), ignoreCase, null, null, null);
  }

  static contains(text: Bytes, ignoreCase: bool = false): StringMatch {
    return new StringMatch(StringMatchKind.Contains, Text.from(text), ignoreCase, new Search(text, ignoreCase), null, null);
  }

  /** The whole value must match `expression`, as Envoy's `safe_regex` wants it. */
  static regex(expression: Regex): StringMatch {
    return new StringMatch(StringMatchKind.Regex, Text.from(Bytes.empty()), false, null, expression, null);
  }

  static range(integers: IntegerRange): StringMatch {
    return new StringMatch(StringMatchKind.Range, Text.from(Bytes.empty()), false, null, null, integers);
  }

  static present(): StringMatch {
    return new StringMatch(StringMatchKind.Present, Text.from(Bytes.empty()), false, null, null, null);
  }

  static absent(): StringMatch {
    return new StringMatch(StringMatchKind.Absent, Text.from(Bytes.empty()), false, null, null, null);
  }

  /** The text of an exact match where letter case counts, for an index by value; null for every other match. */
  get exactText(): Text | null {
    return this.kind == StringMatchKind.Exact && !this.ignoreCase ? this.text : null;
  }

  /** Whether a value that is there meets the condition. */
  matches(value: Bytes): bool {
    const text = this.text.bytes;
    switch (this.kind) {
      case StringMatchKind.Exact:
        return this.ignoreCase ? value.equalsIgnoreCase(text) : value.equals(text);
      case StringMatchKind.Prefix:
        return this.ignoreCase ? value.startsWithIgnoreCase(text) : value.startsWith(text);
      case StringMatchKind.Suffix:
        return this.ignoreCase ? endsWithIgnoreCase(value, text) : value.endsWith(text);
      case StringMatchKind.Contains: {
        const search = this.search;
        return search != null && search.isIn(value);
      }
      case StringMatchKind.Regex: {
        const expression = this.expression;
        return expression != null && expression.matches(value);
      }
      case StringMatchKind.Range: {
        const integers = this.integers;
        return integers != null && integers.matches(value);
      }
      case StringMatchKind.Present:
        return true;
      default:
        return false;
    }
  }

  /** Whether a name without any value meets the condition: only where it asks for that. */
  matchesMissing(): bool {
    return this.kind == StringMatchKind.Absent;
  }
}

/** A suffix is looked at byte by byte, so that no view has to be made of it. */
function endsWithIgnoreCase(value: Bytes, suffix: Bytes): bool {
  const start = value.length - suffix.length;
  if (start < 0) return false;
  for (let i = 0; i < suffix.length; i++) {
    if (toLower(value[start + i]) != toLower(suffix[i])) return false;
  }
  return true;
}
