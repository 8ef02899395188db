import { Glob } from "../lib/glob";
import { JsonKind, JsonValue } from "../lib/json";
import { Bytes, Text } from "../sdk";
import { Condition } from "./condition";
import { RequestView } from "./request";
import { anyMatches } from "./values";

const ISSUER = Text.of("iss");
const SUBJECT = Text.of("sub");
const SCOPE = Text.of("scope");
const PERMISSION = Text.of("permission");
const SPACE: u8 = 0x20;

/** One value of `requestPrincipals`: `ISSUER/SUBJECT`, cut at the last slash because issuers are URLs, with a star at one end. */
@final
export class RequestPrincipal {
  private constructor(
    private readonly issuer: Glob,
    private readonly subject: Glob,
  ) {}

  static compile(value: Bytes): RequestPrincipal {
    const slash = value.lastIndexOf(0x2f);
    const any = Text.of("*").bytes;
    const starFirst = value.length > 0 && value[0] == 0x2a;
    const starLast = value.length > 0 && value[value.length - 1] == 0x2a;
    if (slash < 0) {
      // Without a slash a star at the front leaves the subject, one at the end the issuer; a plain text is an issuer, with an empty subject.
      if (value.length == 1 && starFirst) return new RequestPrincipal(Glob.compile(any), Glob.compile(any));
      if (starFirst) return new RequestPrincipal(Glob.compile(any), Glob.suffix(value.slice(1)));
      if (starLast) return new RequestPrincipal(Glob.prefix(value.slice(0, value.length - 1)), Glob.compile(any));
      return new RequestPrincipal(Glob.exact(value), Glob.exact(Bytes.empty()));
    }
    const issuer = value.slice(0, slash);
    const subject = value.slice(slash + 1);
    if (starFirst) {
      return new RequestPrincipal(issuer.length == 1 ? Glob.compile(any) : Glob.suffix(issuer.slice(1)), Glob.exact(subject));
    }
    if (starLast) {
      const rest = subject.slice(0, subject.length - 1);
      return new RequestPrincipal(Glob.exact(issuer), rest.length == 0 ? Glob.compile(any) : Glob.prefix(rest));
    }
    return new RequestPrincipal(Glob.exact(issuer), Glob.exact(subject));
  }

  matches(issuer: Bytes, subject: Bytes): bool {
    return this.issuer.matches(issuer) && this.subject.matches(subject);
  }
}

/** `requestPrincipals` and `request.auth.principal`: both claims must be text. */
@final
export class RequestPrincipalCondition extends Condition {
  constructor(
    negated: bool,
    private readonly principals: RequestPrincipal[],
  ) {
    super(negated);
  }

  found(request: RequestView): bool {
    const token = request.token;
    if (token == null) return false;
    const issuer = token.text(ISSUER);
    const subject = token.text(SUBJECT);
    if (issuer == null || subject == null) return false;
    for (let i = 0; i < this.principals.length; i++) {
      if (unchecked(this.principals[i]).matches(issuer, subject)) return true;
    }
    return false;
  }
}

/**
 * `request.auth.claims[a][b]`, `request.auth.audiences` (`aud`) and `request.auth.presenter` (`azp`): a text, or one text of a list. Numbers and booleans
 * never match. `scope` and `permission` are cut at spaces.
 */
@final
export class ClaimCondition extends Condition {
  private readonly spaceDelimited: bool;

  constructor(
    negated: bool,
    private readonly path: Text[],
    private readonly values: Glob[],
  ) {
    super(negated);
    const name = path[0].bytes;
    this.spaceDelimited = path.length == 1 && (name.equals(SCOPE.bytes) || name.equals(PERMISSION.bytes));
  }

  found(request: RequestView): bool {
    const token = request.token;
    if (token == null) return false;
    const claim = token.claim(this.path);
    if (claim == null) return false;
    if (claim.kind == JsonKind.Array) return this.foundIn(claim);
    if (claim.kind != JsonKind.String) return false;
    return this.spaceDelimited ? this.wordFound(claim.text) : anyMatches(this.values, claim.text);
  }

  private foundIn(list: JsonValue): bool {
    let item = list.first;
    while (item != null) {
      if (item.kind == JsonKind.String && anyMatches(this.values, item.text)) return true;
      item = item.next;
    }
    return false;
  }

  private wordFound(text: Bytes): bool {
    let start = 0;
    while (start <= text.length) {
      const space = text.indexOf(SPACE, start);
      const end = space < 0 ? text.length : space;
      if (end > start && anyMatches(this.values, text.slice(start, end))) return true;
      start = end + 1;
    }
    return false;
  }
}

/** `request.auth.consumer`, the owner of an API key: not in Istio, which has no API keys. */
@final
export class ConsumerCondition extends Condition {
  constructor(
    negated: bool,
    private readonly consumers: Glob[],
  ) {
    super(negated);
  }

  found(request: RequestView): bool {
    const token = request.token;
    const consumer = token != null ? token.consumer : null;
    return consumer != null && anyMatches(this.consumers, consumer);
  }
}
