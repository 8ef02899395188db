import { Bytes, Text } from "../bytes";
import { PathTemplate } from "../glob";
import { Regex } from "../regex";

/** How a {@link PathMatch} looks at a path, which also says what a rewrite of its prefix replaces. */
export const enum PathMatchKind {
  /** Every path. */
  Any,
  Exact,
  Prefix,
  /** Envoy's path template. */
  Template,
  /** An RE2 expression over the whole path. */
  Regex,
}

/**
 * One condition on a path without query and fragment, as Envoy normalised it. Built with the configuration; a match allocates nothing.
 * `ignoreCase` concerns exact and prefix, as in Istio.
 */
@final
export class PathMatch {
  private constructor(
    readonly kind: PathMatchKind,
    /** What was configured: the path, prefix, template or expression; for an index and for rewrites. */
    readonly text: Text,
    readonly ignoreCase: bool,
    readonly template: PathTemplate | null,
    readonly regex: Regex | null,
  ) {}

  static any(): PathMatch {
    return new PathMatch(PathMatchKind.Any, Text.from(Bytes.empty()), false, null, null);
  }

  static exact(path: Text, ignoreCase: bool = false): PathMatch {
    return new PathMatch(PathMatchKind.Exact, path, ignoreCase, null, null);
  }

  /** `/a` is a prefix of `/ab`, as in Istio's `uri: {prefix}`. */
  static prefix(path: Text, ignoreCase: bool = false): PathMatch {
    return new PathMatch(PathMatchKind.Prefix, path, ignoreCase, null, null);
  }

  static ofTemplate(text: Text, template: PathTemplate): PathMatch {
    return new PathMatch(PathMatchKind.Template, text, false, template, null);
  }

  static ofRegex(text: Text, regex: Regex): PathMatch {
    return new PathMatch(PathMatchKind.Regex, text, false, null, regex);
  }

  matches(path: Bytes): bool {
    const text = this.text.bytes;
    switch (this.kind) {
      case PathMatchKind.Exact:
        return this.ignoreCase ? path.equalsIgnoreCase(text) : path.equals(text);
      case PathMatchKind.Prefix:
        return this.ignoreCase ? path.startsWithIgnoreCase(text) : path.startsWith(text);
      case PathMatchKind.Template: {
        const template = this.template;
        return template != null && template.matches(path);
      }
      case PathMatchKind.Regex: {
        const regex = this.regex;
        return regex != null && regex.matches(path);
      }
      default:
        return true;
    }
  }
}
