import { Claims } from "../lib/claims";
import {
  arena,
  Bytes,
  currentTime,
  DecisionResult,
  HeaderMap,
  HeaderPairs,
  HeadersAction,
  HttpStream,
  logDecision,
  requestHeaders,
  setVerifiedClaims,
  Text,
} from "../sdk";
import { ApiKeyProvider, Consumer } from "./api-key";
import { findCredential, Found, foundCredential } from "./credentials";
import { withConsumer } from "./identity";
import { Jwks } from "./jwks";
import { Location } from "./location";
import { Removals } from "./removals";
import { challengeOf, descriptionOf, detailsOf, Refusal, statusOf } from "./refusal";
import { AuthenticationRoot } from "./root";
import { JwtRule } from "./rule";
import { checkTimes, tokenRefusal, tokenRule, verifyToken } from "./token";
import { TokenRecord } from "./token-record";
import { Waiting } from "./waiting";

const FILTER = Bytes.of("authentication");
const NONE = Text.of("");
const API_KEY = Text.of("API key");
const NO_CREDENTIAL = Bytes.of("no token");
const PREFLIGHT = Bytes.of("CORS preflight");
/** Headers, and the method of a preflight. */
const NAMES = Text.list("www-authenticate :method OPTIONS origin access-control-request-method");
const WWW_AUTHENTICATE = 0;
const METHOD = 1;
const OPTIONS = 2;
const ORIGIN = 3;
const ACCESS_CONTROL_REQUEST_METHOD = 4;
const QUOTE: u8 = 0x22;
const DOT: u8 = 0x2e;
const MILLISECOND: u64 = 1_000_000;
/** How often a request waits for keys at most, where they are not those of a new configuration. */
const MOST_WAITS: i32 = 2;
/** Tokens and keys in one request at most. */
const MOST_CREDENTIALS: i32 = 8;


@final
export class AuthenticationStream extends HttpStream {
  /** @internal The neighbours among those that wait for the same keys. */
  next: AuthenticationStream | null = null;
  previous: AuthenticationStream | null = null;
  waiting: Waiting | null = null;
  /** @internal Of those who wait, when it came. */
  round: u32 = 0;
  private waits: i32 = 0;
  /** Why it is refused, and by which rule's name. */
  private refusal: Refusal = Refusal.None;
  private rule: Text = NONE;
  private consumer: Consumer | null = null;
  private provider: ApiKeyProvider | null = null;

  reset(): void {
    const waiting = this.waiting;
    if (waiting != null) waiting.remove(this);
    this.waits = 0;
    this.forget();
  }

  private forget(): void {
    this.refusal = Refusal.None;
    this.rule = NONE;
    this.consumer = null;
    this.provider = null;
  }

  /** @internal The stream has ended: nobody waits any more. */
  end(): void {
    const waiting = this.waiting;
    if (waiting != null) waiting.remove(this);
    super.end();
  }

  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    return this.judge(headers);
  }

  /** Called when keys came, or did not. */
  judgeAgain(): void {
    if (this.judge(requestHeaders) == HeadersAction.Continue) this.resumeRequest();
  }

  private judge(headers: HeaderMap): HeadersAction {
    const root = changetype<AuthenticationRoot>(this.root);
    this.forget();
    if (isPreflight(headers)) {
      logDecision(FILTER, NONE.bytes, DecisionResult.Allow, PREFLIGHT);
      const removals = Removals.create(root.settings);
      removals.addForged(root.settings, headers);
      removals.apply(headers);
      return HeadersAction.Continue;
    }
    const records = arena.allocate(<usize>MOST_CREDENTIALS * sizeof<usize>());
    const count = this.readTokens(root, headers, records);
    if (this.refusal == Refusal.Pending) return HeadersAction.StopIteration;
    if (this.refusal == Refusal.None) this.readApiKeys(root, headers);
    if (this.refusal == Refusal.None && root.settings.required && count == 0 && this.consumer == null) this.refusal = Refusal.Missing;
    if (this.refusal != Refusal.None) return this.refuse(root);
    this.admit(root, headers, records, count);
    return HeadersAction.Continue;
  }

  /** Verifies every token of every place: one bad one is enough to refuse. Returns how many there are. */
  private readTokens(root: AuthenticationRoot, headers: HeaderMap, records: usize): i32 {
    const locations = root.settings.tokenLocations;
    let count = 0;
    let now: i64 = 0;
    for (let i = 0; i < locations.length; i++) {
      const location = unchecked(locations[i]);
      const found = findCredential(headers, location);
      if (found == Found.Nothing) continue;
      if (found == Found.Several || count == MOST_CREDENTIALS) {
        this.refusal = Refusal.SeveralTokens;
        return count;
      }
      if (count == 0) now = <i64>(currentTime() / MILLISECOND);
      const record = this.recordOf(root, foundCredential(), i, now);
      if (record == null) return count;
      store<usize>(records + <usize>count * sizeof<usize>(), changetype<usize>(record));
      count++;
    }
    return count;
  }

  private recordOf(root: AuthenticationRoot, token: Bytes, location: i32, now: i64): TokenRecord | null {
    const rules = root.settings.rules;
    const hash = root.cache.hash(token, location);
    const seen = root.cache.find(hash, token, location);
    if (seen != null) {
      const rule = unchecked(rules[seen.rule]);
      if (seen.keysVersion == rule.jwks.version) {
        root.cacheHits.increment();
        this.rule = rule.issuer;
        this.refusal = checkTimes(rule, seen.notBefore, seen.expires, now);
        return this.refusal == Refusal.None ? seen : null;
      }
    }
    root.cacheMisses.increment();
    const record = verifyToken(token, unchecked(root.settings.tokenLocations[location]), rules, now);
    const index = tokenRule();
    if (index >= 0) this.rule = unchecked(rules[index]).issuer;
    if (record == null) {
      this.refusal = tokenRefusal();
      if (this.refusal == Refusal.Pending) this.waitFor(unchecked(rules[index]).jwks);
      return null;
    }
    record.hash = hash;
    record.location = location;
    root.cache.insert(record);
    return record;
  }

  private waitFor(jwks: Jwks): void {
    const mayWait = (this.waits < MOST_WAITS || jwks.isNew()) && jwks.ensureFetching();
    const held = mayWait ? changetype<AuthenticationStream | null>(this.holdRequest()) : null;
    if (held == null) {
      this.refusal = Refusal.NoKeys;
      return;
    }
    held.waits++;
    jwks.waiting.add(held);
  }

  private readApiKeys(root: AuthenticationRoot, headers: HeaderMap): void {
    const locations = root.settings.keyLocations;
    for (let i = 0; i < locations.length; i++) {
      const location = unchecked(locations[i]);
      const found = findCredential(headers, location);
      if (found == Found.Nothing) continue;
      this.rule = API_KEY;
      if (found == Found.Several || !this.readApiKey(root, location, foundCredential())) {
        this.refusal = Refusal.BadApiKey;
        return;
      }
    }
  }

  /** `false` where nobody has this key, or where it is another consumer's than one before it. */
  private readApiKey(root: AuthenticationRoot, location: Location, key: Bytes): bool {
    for (let i = 0; i < location.users.length; i++) {
      const provider = unchecked(root.settings.apiKeys[unchecked(location.users[i])]);
      const consumer = provider.find(key);
      if (consumer == null) continue;
      const before = this.consumer;
      this.consumer = consumer;
      this.provider = provider;
      return before == null || before === consumer;
    }
    return false;
  }

  private refuse(root: AuthenticationRoot): HeadersAction {
    root.denied.increment();
    const refusal = this.refusal;
    const description = descriptionOf(refusal);
    logDecision(FILTER, this.rule.bytes, DecisionResult.Deny, description);
    const status = statusOf(refusal);
    const headers = HeaderPairs.create();
    if (status == 401) headers.add(unchecked(NAMES[WWW_AUTHENTICATE]).bytes, challenge(refusal, description));
    return this.sendLocalResponse(status, detailsOf(refusal), description, headers);
  }

  /** Everything is known before the first header is changed. */
  private admit(root: AuthenticationRoot, headers: HeaderMap, records: usize, count: i32): void {
    root.allowed.increment();
    const consumer = this.consumer;
    const known = count > 0 || consumer != null;
    logDecision(FILTER, this.rule.bytes, DecisionResult.Allow, known ? descriptionOf(Refusal.None) : NO_CREDENTIAL);
    if (known) {
      const record: TokenRecord | null = count > 0 ? changetype<TokenRecord>(load<usize>(records)) : null;
      let state: Bytes | null = record != null ? record.state : null;
      if (consumer != null) state = withConsumer(state, consumer.json.bytes);
      const claims = Claims.of(record != null ? record.payload : null, consumer != null ? consumer.name.bytes : null);
      if (state != null) setVerifiedClaims(state, claims);
    }
    const settings = root.settings;
    const removals = Removals.create(settings);
    for (let i = 0; i < count; i++) {
      const record = changetype<TokenRecord>(load<usize>(records + <usize>i * sizeof<usize>()));
      if (!unchecked(settings.rules[record.rule]).forward)
        removals.addCredential(unchecked(settings.tokenLocations[record.location]), headers);
    }
    removals.addCredentials(settings.keyLocations, headers);
    removals.addForged(settings, headers);
    removals.apply(headers);
    for (let i = 0; i < count; i++) {
      const record = changetype<TokenRecord>(load<usize>(records + <usize>i * sizeof<usize>()));
      setOutputs(unchecked(settings.rules[record.rule]), record, headers);
    }
    const provider = this.provider;
    if (consumer != null && provider != null) {
      const header = provider.consumerHeader;
      if (header != null) headers.set(header.bytes, consumer.name.bytes);
    }
  }
}

/** A preflight carries no credentials (Fetch, section 4.8); Istio lets it pass whatever it carries. */
function isPreflight(headers: HeaderMap): bool {
  const method = headers.get(unchecked(NAMES[METHOD]).bytes);
  if (method == null || !method.equals(unchecked(NAMES[OPTIONS]).bytes)) return false;
  const origin = headers.get(unchecked(NAMES[ORIGIN]).bytes);
  const requested = headers.get(unchecked(NAMES[ACCESS_CONTROL_REQUEST_METHOD]).bytes);
  return origin != null && origin.length > 0 && requested != null && requested.length > 0;
}

function challenge(refusal: Refusal, description: Bytes): Bytes {
  const start = challengeOf(refusal);
  if (refusal == Refusal.Missing) return start;
  const value = arena.allocate(<usize>(start.length + description.length + 1));
  memory.copy(value, start.pointer, <usize>start.length);
  memory.copy(value + <usize>start.length, description.pointer, <usize>description.length);
  store<u8>(value + <usize>(start.length + description.length), QUOTE);
  return Bytes.view(value, start.length + description.length + 1);
}

/** Sets the headers that the rule wants of a token: the payload as it stands in it, and claims. */
function setOutputs(rule: JwtRule, record: TokenRecord, headers: HeaderMap): void {
  const payloadHeader = rule.payloadHeader;
  if (payloadHeader != null) {
    const token = record.token;
    const first = token.indexOf(DOT);
    headers.set(payloadHeader.bytes, token.slice(first + 1, token.indexOf(DOT, first + 1)));
  }
  let at = record.claims;
  const claims = rule.claimHeaders;
  for (let i = 0; i < claims.length; i++) {
    const length = load<i32>(at);
    at += 4;
    if (length < 0) continue;
    headers.add(unchecked(claims[i]).header.bytes, Bytes.view(at, length));
    at += <usize>length;
  }
}
