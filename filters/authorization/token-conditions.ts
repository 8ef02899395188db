import { ClaimTexts } from "../lib/claims";
import { Glob } from "../lib/glob";
import { Bytes, Text } from "../sdk";
import { Condition } from "./condition";
import { RequestView } from "./request";
import { anyMatches } from "./values";

const ISSUER = Text.of("iss");
const SUBJECT = Text.of("sub");

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
  constructor(
    negated: bool,
    private readonly path: Text[],
    private readonly values: Glob[],
  ) {
    super(negated);
  }

  found(request: RequestView): bool {
    const token = request.token;
    if (token == null) return false;
    const texts = ClaimTexts.of(token.claim(this.path), this.path);
    while (texts.next()) {
      if (anyMatches(this.values, texts.text)) return true;
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
