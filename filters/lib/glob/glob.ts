import { Bytes, Text } from "../bytes";

const STAR: u8 = 0x2a;

/** Which of Istio's four forms a {@link Glob} has. */
export const enum GlobKind {
  /** `abc` */
  Exact,
  /** `abc*` */
  Prefix,
  /** `*abc` */
  Suffix,
  /** `*` */
  Present,
}

/**
 * Istio's string match of AuthorizationPolicy: `abc` is that value, `abc*` a prefix, `*abc` a suffix, `*` any value that is not empty.
 * Only one star at one end is special, the leading one first: `*a*` is the suffix `a*`, `a*b` the value `a*b`, `**` the suffix `*`.
 *
 * Istio's header conditions take `*` as "the header is there", which an empty value satisfies too: a caller that means this looks at
 * {@link kind}.
 */
@final
export class Glob {
  private constructor(
    readonly kind: GlobKind,
    /** The pattern without its star. */
    readonly text: Text,
  ) {}

  /** Every text is a glob. */
  static compile(pattern: Bytes): Glob {
    const last = pattern.length - 1;
    if (last == 0 && pattern[0] == STAR) return new Glob(GlobKind.Present, Text.from(pattern.slice(1)));
    if (last > 0 && pattern[0] == STAR) return new Glob(GlobKind.Suffix, Text.from(pattern.slice(1)));
    if (last > 0 && pattern[last] == STAR) return new Glob(GlobKind.Prefix, Text.from(pattern.slice(0, last)));
    return new Glob(GlobKind.Exact, Text.from(pattern));
  }

  /** That value, whatever stars it holds. */
  static exact(text: Bytes): Glob {
    return new Glob(GlobKind.Exact, Text.from(text));
  }

  static prefix(text: Bytes): Glob {
    return new Glob(GlobKind.Prefix, Text.from(text));
  }

  static suffix(text: Bytes): Glob {
    return new Glob(GlobKind.Suffix, Text.from(text));
  }

  matches(input: Bytes): bool {
    const text = this.text.bytes;
    switch (this.kind) {
      case GlobKind.Exact:
        return input.equals(text);
      case GlobKind.Prefix:
        return input.startsWith(text);
      case GlobKind.Suffix:
        return input.endsWith(text);
      default:
        return input.length > 0;
    }
  }

  /** The same with ASCII letters folded, as Istio compares hosts. */
  matchesIgnoreCase(input: Bytes): bool {
    const text = this.text.bytes;
    switch (this.kind) {
      case GlobKind.Exact:
        return input.equalsIgnoreCase(text);
      case GlobKind.Prefix:
        return input.startsWithIgnoreCase(text);
      case GlobKind.Suffix: {
        const start = input.length - text.length;
        return start >= 0 && input.slice(start).equalsIgnoreCase(text);
      }
      default:
        return input.length > 0;
    }
  }
}
