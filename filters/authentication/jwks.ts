import { JsonWebKey, KEY_SET_MAX_SIZE, KeySet } from "../lib/jwk";
import {
  Bytes,
  collectLater,
  Counter,
  HeaderPairs,
  HttpCallout,
  HttpCalloutResponse,
  LogLevel,
  logString,
  monotonicTime,
  Root,
  Text,
} from "../sdk";
import { Waiting } from "./waiting";

const SECOND: u64 = 1_000_000_000;
const MILLISECOND: u64 = 1_000_000;
/** After a second failure the next attempt comes after this, then twice as long each time, up to 51.2 s. */
const BACKOFF: u64 = SECOND / 10;
const MOST_DOUBLINGS: u32 = 9;
/** Tokens with an unknown `kid` cause one fetch in this time at most: clients can make up as many as they like. */
const UNKNOWN_KEY_INTERVAL: u64 = 30 * SECOND;

const WORDS = Text.list(":method GET :scheme :authority :path accept application/json :status 200");
const METHOD = 0;
const GET = 1;
const SCHEME = 2;
const AUTHORITY = 3;
const PATH = 4;
const ACCEPT = 5;
const JSON = 6;
const STATUS = 7;
const OK = 8;

function word(index: i32): Bytes {
  return unchecked(WORDS[index]).bytes;
}

/** Where a key set is fetched. */
@final
export class RemoteJwks {
  constructor(
    readonly uri: Text,
    readonly scheme: Text,
    readonly authority: Text,
    readonly path: Text,
    readonly cluster: Text,
    readonly timeoutMilliseconds: u32,
    /** Nanoseconds after which a fetched set is fetched anew, and for which it serves beyond when that fails. */
    readonly cacheDuration: u64,
    readonly staleDuration: u64,
  ) {}
}

/** Key sets that are fetched for configurations in use. */
const inUse: Array<Jwks> = new Array<Jwks>();

/** The keys of one rule: given in the configuration, or fetched, kept and fetched again. */
@final
export class Jwks extends HttpCallout {
  /** Changes with the keys: what older keys verified must be verified again. */
  version: u32 = 0;
  readonly waiting: Waiting = new Waiting();
  private keys: Array<JsonWebKey> | null = null;
  private source: Text | null = null;
  private root: Root | null = null;
  private goodUntil: u64 = 0;
  private nextFetch: u64 = 0;
  private nextForUnknownKey: u64 = 0;
  private failures: u32 = 0;
  /** Until when requests wait for a cluster that cannot be called, or was replaced: one that came with this configuration may still be asking DNS for its hosts. */
  private patience: u64 = 0;
  private readonly succeeded: Counter = new Counter("authentication.jwks_fetch_success");
  private readonly failed: Counter = new Counter("authentication.jwks_fetch_failed");

  constructor(
    /** `null` for keys of the configuration. */
    readonly remote: RemoteJwks | null,
    local: KeySet | null,
  ) {
    super();
    if (local != null) this.keys = local.keys;
  }

  /** The keys to verify with; `null` while there are none. */
  usableKeys(): Array<JsonWebKey> | null {
    return this.keys;
  }

  /**
   * Begins to fetch, where keys are fetched. What the configuration before has fetched from the same place is taken over: else every change of anything would have all proxies ask the issuer at
   * once, and tokens be refused while it does not answer.
   */
  start(root: Root): void {
    const remote = this.remote;
    if (remote == null) return;
    this.root = root;
    const now = monotonicTime();
    this.patience = now + <u64>remote.timeoutMilliseconds * MILLISECOND;
    const before = predecessorOf(remote);
    inUse.push(this);
    if (before == null) {
      this.fetch(now);
      return;
    }
    this.keys = before.keys;
    this.source = before.source;
    this.goodUntil = before.goodUntil;
    this.nextFetch = before.nextFetch;
    this.failures = before.failures;
  }

  /** The configuration is no longer used. */
  stop(): void {
    this.root = null;
    const index = inUse.indexOf(this);
    if (index >= 0) inUse.splice(index, 1);
    // Nobody but such as have left.
    this.waiting.resumeAll();
  }

  /** Called every second. */
  tick(): void {
    if (this.remote == null) return;
    const now = monotonicTime();
    if (this.keys != null && now >= this.goodUntil) {
      this.keys = null;
      this.source = null;
      this.version++;
      collectLater();
    }
    if (!this.pending && now >= this.nextFetch && !this.fetch(now)) this.waiting.resumeAll();
  }

  /** Whether keys are on their way, so that waiting for them makes sense: fetches now where the last failure is long enough ago. */
  ensureFetching(): bool {
    if (this.pending) return true;
    const now = monotonicTime();
    return this.remote != null && ((now >= this.nextFetch && this.fetch(now)) || now < this.patience);
  }

  /** Whether the configuration has come so lately that nothing which went wrong since tells more than that clusters come and go with it. */
  isNew(): bool {
    return monotonicTime() < this.patience;
  }

  /** A token names a key that is not there. Whether a fetch is on its way that may bring it. */
  refreshForUnknownKey(): bool {
    if (this.remote == null) return false;
    if (this.pending) return true;
    const now = monotonicTime();
    if (now < this.nextForUnknownKey) return false;
    return this.fetch(now);
  }

  private fetch(now: u64): bool {
    const remote = this.remote;
    const root = this.root;
    if (remote == null || root == null) return false;
    const headers = HeaderPairs.create();
    headers.add(word(METHOD), word(GET));
    headers.add(word(SCHEME), remote.scheme.bytes);
    headers.add(word(AUTHORITY), remote.authority.bytes);
    headers.add(word(PATH), remote.path.bytes);
    headers.add(word(ACCEPT), word(JSON));
    this.nextForUnknownKey = now + UNKNOWN_KEY_INTERVAL;
    if (this.sendFromRoot(root, remote.cluster.bytes, headers, remote.timeoutMilliseconds)) return true;
    this.fail("cluster " + remote.cluster.toString() + " cannot be called");
    return false;
  }

  onResponse(response: HttpCalloutResponse): void {
    if (this.root == null) return;
    const problem = this.accept(response);
    if (problem != null) {
      // What a server answers it means; what is cut off may be so because another change has replaced the cluster.
      if (this.failures > 0 && !response.failed) this.patience = 0;
      this.fail(problem);
    }
    this.waiting.resumeAll();
  }

  /** Takes the keys of an answer whole, or says what is wrong with it and keeps what there is. A redirect is not followed. */
  private accept(response: HttpCalloutResponse): string | null {
    if (response.failed) return "no answer";
    const status = response.headers.get(word(STATUS));
    if (status == null || !status.equals(word(OK))) return "status " + (status != null ? status.toString() : "missing");
    if (response.body.size > KEY_SET_MAX_SIZE) return "an answer of more than 262144 bytes";
    const body = response.body.get();
    if (body == null) return "an empty answer";
    const before = this.source;
    if (before == null || !before.bytes.equals(body)) {
      const problem = this.take(body);
      if (problem != null) return problem;
    }
    const remote = this.remote;
    if (remote == null) return null;
    this.failures = 0;
    this.nextFetch = monotonicTime() + remote.cacheDuration;
    this.goodUntil = this.nextFetch + remote.staleDuration;
    this.succeeded.increment();
    return null;
  }

  private take(body: Bytes): string | null {
    const set = KeySet.parse(body);
    collectLater();
    if (set.problem != null) return set.problem;
    this.keys = set.keys;
    this.source = Text.from(body);
    this.version++;
    return null;
  }

  private fail(problem: string): void {
    const remote = this.remote;
    if (remote == null) return;
    // Once at once: a cluster that is replaced by the change that brought this configuration cuts off what is on its way.
    const pause = this.failures == 0 ? 0 : BACKOFF << (<u64>min(this.failures - 1, MOST_DOUBLINGS));
    this.nextFetch = monotonicTime() + pause;
    this.failures++;
    this.failed.increment();
    const kept = this.keys != null ? "; the keys before are kept" : "; tokens of this issuer are refused";
    logString(LogLevel.Warn, "key set of " + remote.uri.toString() + " not fetched: " + problem + kept);
    collectLater();
  }
}

/** Who has keys from the same place; the latest of them. */
function predecessorOf(remote: RemoteJwks): Jwks | null {
  for (let i = inUse.length - 1; i >= 0; i--) {
    const each = inUse[i];
    const other = each.remote;
    if (other == null || each.usableKeys() == null || !other.uri.bytes.equals(remote.uri.bytes)) continue;
    if (other.cluster.bytes.equals(remote.cluster.bytes)) return each;
  }
  return null;
}
