import { Regex } from "../lib/regex";
import { Bytes, Text } from "../sdk";
import { Key, KeyKind } from "./condition";

const SCHEME = "spiffe://";
const STAR = "*";

const enum Form {
  /** Any principal. */
  Any,
  Exact,
  Prefix,
  Suffix,
  /** The text stands somewhere in it. */
  Contains,
  Regex,
}

/**
 * One value of `principals`, `namespaces` or `serviceAccounts`, as Istio turns it into a matcher of the peer's SPIFFE id. Istio writes most of them as
 * regular expressions without escaping the value, so that a dot in `*.example` stands for any character. That is kept; where the value is made of
 * characters that are no syntax, a comparison of bytes does the same.
 */
@final
export class PrincipalMatch {
  private constructor(
    private readonly form: Form,
    private readonly text: Text,
    private readonly expression: Regex | null,
    /** A literal that every matching principal has; `null` where there is none. */
    readonly key: Key | null,
  ) {}

  /** `td/ns/a/sa/b`, `td/*`, a suffix behind a star, `*`. Null where it is no valid expression: then {@link Regex.errorMessage} says why. */
  static principal(value: string): PrincipalMatch | null {
    if (value == STAR) return new PrincipalMatch(Form.Any, Text.of(""), null, null);
    if (value.startsWith(STAR)) {
      const rest = value.substring(1);
      return isPlain(rest) ? new PrincipalMatch(Form.Suffix, Text.of(rest), null, null) : ofRegex(SCHEME + ".*" + rest, null);
    }
    if (value.endsWith(STAR)) return new PrincipalMatch(Form.Prefix, Text.of(SCHEME + value.substring(0, value.length - 1)), null, null);
    const text = Text.of(SCHEME + value);
    return new PrincipalMatch(Form.Exact, text, null, new Key(KeyKind.Principal, text));
  }

  /** A namespace, in which every `*` stands for anything. */
  static namespace(value: string): PrincipalMatch | null {
    if (!isPlain(value)) return ofRegex(".*/ns/" + value.split(STAR).join(".*") + "/.*", null);
    const key: Key | null = value.includes("/") ? null : new Key(KeyKind.Namespace, Text.of(value));
    return new PrincipalMatch(Form.Contains, Text.of("/ns/" + value + "/"), null, key);
  }

  /** A service account of a namespace. */
  static serviceAccount(namespace: string, name: string): PrincipalMatch | null {
    const key: Key | null = isPlain(name) ? new Key(KeyKind.ServiceAccount, Text.of(name)) : null;
    return ofRegex(SCHEME + ".+/ns/" + namespace + "/(.+/|)sa/" + name + "(/.+)?", key);
  }

  matches(principal: Bytes): bool {
    const text = this.text.bytes;
    switch (this.form) {
      case Form.Any:
        return true;
      case Form.Exact:
        return principal.equals(text);
      case Form.Prefix:
        return principal.startsWith(text);
      case Form.Suffix:
        return principal.length >= SCHEME_TEXT.length + text.length && principal.startsWith(SCHEME_TEXT) && principal.endsWith(text);
      case Form.Contains:
        return principal.contains(text);
      default: {
        const expression = this.expression;
        return expression != null && expression.matches(principal);
      }
    }
  }

  /** @internal */
  static make(expression: Regex, key: Key | null): PrincipalMatch {
    return new PrincipalMatch(Form.Regex, Text.of(""), expression, key);
  }
}

const SCHEME_TEXT = Bytes.of(SCHEME);

function ofRegex(pattern: string, key: Key | null): PrincipalMatch | null {
  const expression = Regex.compile(Text.of(pattern).bytes);
  return expression != null ? PrincipalMatch.make(expression, key) : null;
}

/** Whether `value` means itself in an expression. */
function isPlain(value: string): bool {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    const letter = (code | 0x20) - 0x61 < 26 && (code | 0x20) >= 0x61;
    const digit = code >= 0x30 && code <= 0x39;
    if (!letter && !digit && code != 0x2d && code != 0x5f && code != 0x2f && code != 0x3a) return false;
  }
  return true;
}
