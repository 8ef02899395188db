import { Bytes, Text } from "../bytes";
import { RangeSet } from "../cidr";
import { Claims, ClaimTexts } from "../claims";
import { PathMatch } from "./path-match";
import { Share } from "./share";
import { StringMatch } from "./string-match";

/** A condition on a header, query parameter or cookie of that name. */
@final
export class NamedMatch {
  constructor(
    readonly name: Text,
    readonly value: StringMatch,
  ) {}
}

/** A condition on a claim of the token that `authentication` verified, found by its names, one inside the other. */
@final
export class ClaimMatch {
  constructor(
    readonly path: Text[],
    readonly value: StringMatch,
  ) {}
}

/**
 * One block of conditions, all of which must hold. `R` is whatever a request looks like, as the SDK's `RequestView`: the compiler makes one
 * function for each, so that this folder knows no host and a look at a header stays a direct call.
 */
@final
export class Match {
  path: PathMatch | null = null;
  method: StringMatch | null = null;
  scheme: StringMatch | null = null;
  /** Compared with the host without port. */
  authority: StringMatch | null = null;
  headers: NamedMatch[] = [];
  /** None of these may hold. */
  withoutHeaders: NamedMatch[] = [];
  /** Of `headers` and `withoutHeaders`, those whose name is `@request.auth.claims...`. */
  claims: ClaimMatch[] = [];
  withoutClaims: ClaimMatch[] = [];
  queryParams: NamedMatch[] = [];
  cookies: NamedMatch[] = [];
  sources: RangeSet | null = null;
  share: Share | null = null;

  matches<R>(request: R): bool {
    const path = this.path;
    if (path != null && !path.matches(request.path)) return false;
    if (this.authority != null && !holds(this.authority, request.host)) return false;
    if (this.method != null && !holds(this.method, request.method)) return false;
    if (this.scheme != null && !holds(this.scheme, request.scheme)) return false;
    const headers = this.headers;
    for (let i = 0; i < headers.length; i++) {
      if (!headerHolds(unchecked(headers[i]), request)) return false;
    }
    const without = this.withoutHeaders;
    for (let i = 0; i < without.length; i++) {
      if (headerHolds(unchecked(without[i]), request)) return false;
    }
    const parameters = this.queryParams;
    for (let i = 0; i < parameters.length; i++) {
      const parameter = unchecked(parameters[i]);
      if (!holds(parameter.value, request.queryParameter(parameter.name.bytes))) return false;
    }
    const cookies = this.cookies;
    for (let i = 0; i < cookies.length; i++) {
      const cookie = unchecked(cookies[i]);
      if (!holds(cookie.value, request.cookie(cookie.name.bytes))) return false;
    }
    return this.claimsHold(request) && this.sourceHolds(request) && this.shareHolds(request);
  }

  /**
   * Claims that cannot be read meet no condition and no negated one: a rule for everybody but a group would else take in a member whose
   * token nobody could read.
   */
  private claimsHold<R>(request: R): bool {
    const wanted = this.claims;
    const unwanted = this.withoutClaims;
    if (wanted.length + unwanted.length == 0) return true;
    const claims = request.claims;
    if (claims.undecodable) return false;
    for (let i = 0; i < wanted.length; i++) {
      if (!claimHolds(unchecked(wanted[i]), claims)) return false;
    }
    for (let i = 0; i < unwanted.length; i++) {
      if (claimHolds(unchecked(unwanted[i]), claims)) return false;
    }
    return true;
  }

  private sourceHolds<R>(request: R): bool {
    const sources = this.sources;
    if (sources == null) return true;
    const source = request.sourceAddress;
    return source != null && sources.contains(source.address);
  }

  private shareHolds<R>(request: R): bool {
    const share = this.share;
    return share == null || share.has(request);
  }
}

/** A missing value meets only the condition that it be missing. */
function holds(condition: StringMatch | null, value: Bytes | null): bool {
  if (condition == null) return true;
  return value == null ? condition.matchesMissing() : condition.matches(value);
}

/** A header that stands several times meets a condition where one of its values does (not their join: CVE-2026-26308). */
function headerHolds<R>(condition: NamedMatch, request: R): bool {
  const values = request.headers.values(condition.name.bytes);
  if (!values.next()) return condition.value.matchesMissing();
  do {
    if (condition.value.matches(values.value)) return true;
  } while (values.next());
  return false;
}

/** As a header of several values; a claim without any text, such as a number, counts as missing. */
function claimHolds(condition: ClaimMatch, claims: Claims): bool {
  const texts = ClaimTexts.of(claims.claim(condition.path), condition.path);
  if (!texts.next()) return condition.value.matchesMissing();
  do {
    if (condition.value.matches(texts.text)) return true;
  } while (texts.next());
  return false;
}
