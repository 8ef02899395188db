import { arena, Bytes, Text, toLower } from "../bytes";
import { BytesTable, PrefixTable } from "../table";
import { Match } from "./match";
import { PathMatchKind } from "./path-match";
import { StringMatchKind } from "./string-match";

/** One match block and the rule that it belongs to, in the order of the configuration. */
@final
export class Candidate<T> {
  constructor(
    readonly order: i32,
    readonly match: Match,
    readonly rule: T,
  ) {}
}

/** Candidates that share a literal condition, in order. */
@final
class Bucket<T> {
  readonly candidates: Candidate<T>[] = [];
}

/** The candidates of one header that ask for exact values of it. */
@final
class HeaderBuckets<T> {
  readonly byValue: BytesTable<Bucket<T>> = new BytesTable<Bucket<T>>();

  constructor(readonly name: Text) {}
}

/** The candidates of one host, or of no particular host, by the first of these literals that they ask for. */
@final
class HostGroup<T> {
  readonly exactPaths: BytesTable<Bucket<T>> = new BytesTable<Bucket<T>>();
  readonly prefixes: PrefixTable<Bucket<T>> = new PrefixTable<Bucket<T>>();
  readonly headers: HeaderBuckets<T>[] = [];
  readonly rest: Bucket<T> = new Bucket<T>();

  add(candidate: Candidate<T>): void {
    this.bucketFor(candidate.match).candidates.push(candidate);
  }

  private bucketFor(match: Match): Bucket<T> {
    const path = match.path;
    if (path != null && !path.ignoreCase) {
      if (path.kind == PathMatchKind.Exact) return bucketIn<T>(this.exactPaths, path.text);
      if (path.kind == PathMatchKind.Prefix && path.text.bytes.length > 1) {
        let bucket = this.prefixes.get(path.text.bytes);
        if (bucket == null) {
          bucket = new Bucket<T>();
          this.prefixes.set(path.text, bucket);
        }
        return bucket;
      }
    }
    for (let i = 0; i < match.headers.length; i++) {
      const header = match.headers[i];
      const exact = header.value.exactText;
      if (exact != null) return bucketIn<T>(this.headerBuckets(header.name), exact);
    }
    return this.rest;
  }

  private headerBuckets(name: Text): BytesTable<Bucket<T>> {
    for (let i = 0; i < this.headers.length; i++) {
      if (this.headers[i].name.bytes.equals(name.bytes)) return this.headers[i].byValue;
    }
    const added = new HeaderBuckets<T>(name);
    this.headers.push(added);
    return added.byValue;
  }

  /** Adds the buckets that can hold a candidate for `request`. */
  collect<R>(request: R, into: Candidates<T>): void {
    into.add(this.exactPaths.size > 0 ? this.exactPaths.get(request.path) : null);
    if (this.prefixes.size > 0) {
      const walk = this.prefixes.walk();
      for (let bucket = this.prefixes.next(walk, request.path); bucket != null; bucket = this.prefixes.next(walk, request.path)) {
        into.add(bucket);
      }
    }
    for (let i = 0; i < this.headers.length; i++) {
      const header = unchecked(this.headers[i]);
      const values = request.headers.values(header.name.bytes);
      while (values.next()) into.add(header.byValue.get(values.value));
    }
    into.add(this.rest);
  }
}

function bucketIn<T>(table: BytesTable<Bucket<T>>, key: Text): Bucket<T> {
  let bucket = table.get(key.bytes);
  if (bucket == null) {
    bucket = new Bucket<T>();
    table.set(key, bucket);
  }
  return bucket;
}

/** Buckets to look through together, by order: an arena list of (bucket, position). */
@unmanaged
@final
export class Candidates<T> {
  private entries: usize;
  private capacity: i32;
  private count: i32;

  static create<T>(): Candidates<T> {
    const list = changetype<Candidates<T>>(arena.allocate(offsetof<Candidates<T>>()));
    list.capacity = 16;
    list.entries = arena.allocate(16 * 8);
    list.count = 0;
    return list;
  }

  add(bucket: Bucket<T> | null): void {
    if (bucket == null || bucket.candidates.length == 0) return;
    if (this.count == this.capacity) {
      const entries = arena.allocate(<usize>this.capacity * 16);
      memory.copy(entries, this.entries, <usize>this.capacity * 8);
      this.entries = entries;
      this.capacity *= 2;
    }
    const entry = this.entries + <usize>this.count * 8;
    store<usize>(entry, changetype<usize>(bucket));
    store<i32>(entry, 0, 4);
    this.count++;
  }

  /** The candidate of lowest order not yet given; `null` after the last. */
  next(): Candidate<T> | null {
    let best: Candidate<T> | null = null;
    let bestEntry: usize = 0;
    for (let i = 0; i < this.count; i++) {
      const entry = this.entries + <usize>i * 8;
      const bucket = changetype<Bucket<T>>(load<usize>(entry));
      const position = load<i32>(entry, 4);
      if (position >= bucket.candidates.length) continue;
      const candidate = unchecked(bucket.candidates[position]);
      if (best == null || candidate.order < best.order) {
        best = candidate;
        bestEntry = entry;
      }
    }
    if (best != null) store<i32>(bestEntry, load<i32>(bestEntry, 4) + 1, 4);
    return best;
  }
}

/**
 * The rules, such that a request meets only those whose literal conditions it fulfils: by exact host, then by exact path, path prefix or exact
 * header value. What is left (regular expressions, templates, ranges, ...) is looked through in order. The first rule of the
 * configuration that matches wins, whichever bucket it stands in.
 *
 * `T` is a filter's rule, with a list `matches` of which one must hold; `R` is whatever a request looks like, as for {@link Match}.
 */
@final
export class RuleIndex<T> {
  private readonly hosts: BytesTable<HostGroup<T>> = new BytesTable<HostGroup<T>>();
  private readonly anyHost: HostGroup<T> = new HostGroup<T>();
  private count: i32 = 0;

  add(rule: T): void {
    for (let i = 0; i < rule.matches.length; i++) {
      const match = rule.matches[i];
      const candidate = new Candidate<T>(this.count++, match, rule);
      const authority = match.authority;
      const host = authority != null && authority.kind == StringMatchKind.Exact ? authority.text : null;
      if (host == null) this.anyHost.add(candidate);
      else this.groupOf(host).add(candidate);
    }
  }

  private groupOf(host: Text): HostGroup<T> {
    const key = lowerCase(host.bytes);
    let group = this.hosts.get(key);
    if (group == null) {
      group = new HostGroup<T>();
      this.hosts.set(Text.from(key), group);
    }
    return group;
  }

  /**
   * All candidates whose literal conditions `request` fulfils, in order: each must still be asked whether it matches. The blocks of one rule come one after the
   * other.
   */
  candidates<R>(request: R): Candidates<T> {
    const buckets = Candidates.create<T>();
    if (this.hosts.size > 0) {
      const group = this.hosts.get(lowerCase(request.host));
      if (group != null) group.collect(request, buckets);
    }
    this.anyHost.collect(request, buckets);
    return buckets;
  }

  /** The first candidate that matches, or `null`. */
  find<R>(request: R): Candidate<T> | null {
    const buckets = this.candidates(request);
    for (let candidate = buckets.next(); candidate != null; candidate = buckets.next()) {
      if (candidate.match.matches(request)) return candidate;
    }
    return null;
  }
}

/** A copy in the arena with ASCII capitals made small. */
function lowerCase(bytes: Bytes): Bytes {
  const copy = arena.allocate(<usize>bytes.length);
  for (let i = 0; i < bytes.length; i++) store<u8>(copy + <usize>i, toLower(bytes[i]));
  return Bytes.view(copy, bytes.length);
}
