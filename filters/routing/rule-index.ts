import { PathMatchKind, StringMatchKind } from "../lib/match";
import { BytesTable, PrefixTable } from "../lib/table";
import { toLower } from "../lib/bytes";
import { arena, Bytes, Text } from "../sdk";
import { Match } from "./match";
import { RequestView } from "./request";
import { Rule } from "./rule";

/** One match block and the rule that it belongs to, in the order of the configuration. */
@final
export class Candidate {
  constructor(
    readonly order: i32,
    readonly match: Match,
    readonly rule: Rule,
  ) {}
}

/** Candidates that share a literal condition, in order. */
@final
class Bucket {
  readonly candidates: Candidate[] = [];
}

/** The candidates of one header that ask for exact values of it. */
@final
class HeaderBuckets {
  readonly byValue: BytesTable<Bucket> = new BytesTable<Bucket>();

  constructor(readonly name: Text) {}
}

/** The candidates of one host, or of no particular host, by the first of these literals that they ask for. */
@final
class HostGroup {
  readonly exactPaths: BytesTable<Bucket> = new BytesTable<Bucket>();
  readonly prefixes: PrefixTable<Bucket> = new PrefixTable<Bucket>();
  readonly headers: HeaderBuckets[] = [];
  readonly rest: Bucket = new Bucket();

  add(candidate: Candidate): void {
    this.bucketFor(candidate.match).candidates.push(candidate);
  }

  private bucketFor(match: Match): Bucket {
    const path = match.path;
    if (path != null && !path.ignoreCase) {
      if (path.kind == PathMatchKind.Exact) return bucketIn(this.exactPaths, path.text);
      if (path.kind == PathMatchKind.Prefix && path.text.bytes.length > 1) {
        let bucket = this.prefixes.get(path.text.bytes);
        if (bucket == null) {
          bucket = new Bucket();
          this.prefixes.set(path.text, bucket);
        }
        return bucket;
      }
    }
    for (let i = 0; i < match.headers.length; i++) {
      const header = match.headers[i];
      const exact = header.value.exactText;
      if (exact != null) return bucketIn(this.headerBuckets(header.name), exact);
    }
    return this.rest;
  }

  private headerBuckets(name: Text): BytesTable<Bucket> {
    for (let i = 0; i < this.headers.length; i++) {
      if (this.headers[i].name.bytes.equals(name.bytes)) return this.headers[i].byValue;
    }
    const added = new HeaderBuckets(name);
    this.headers.push(added);
    return added.byValue;
  }

  /** Adds the buckets that can hold a candidate for `request`. */
  collect(request: RequestView, into: BucketList): void {
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

function bucketIn(table: BytesTable<Bucket>, key: Text): Bucket {
  let bucket = table.get(key.bytes);
  if (bucket == null) {
    bucket = new Bucket();
    table.set(key, bucket);
  }
  return bucket;
}

/** Buckets to look through together, by order: an arena list of (bucket, position). */
@unmanaged
@final
class BucketList {
  private entries: usize;
  private capacity: i32;
  private count: i32;

  static create(): BucketList {
    const list = changetype<BucketList>(arena.allocate(offsetof<BucketList>()));
    list.capacity = 16;
    list.entries = arena.allocate(16 * 8);
    list.count = 0;
    return list;
  }

  add(bucket: Bucket | null): void {
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
  next(): Candidate | null {
    let best: Candidate | null = null;
    let bestEntry: usize = 0;
    for (let i = 0; i < this.count; i++) {
      const entry = this.entries + <usize>i * 8;
      const bucket = changetype<Bucket>(load<usize>(entry));
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
 */
@final
export class RuleIndex {
  private readonly hosts: BytesTable<HostGroup> = new BytesTable<HostGroup>();
  private readonly anyHost: HostGroup = new HostGroup();
  private count: i32 = 0;

  add(rule: Rule): void {
    for (let i = 0; i < rule.matches.length; i++) {
      const match = rule.matches[i];
      const candidate = new Candidate(this.count++, match, rule);
      const authority = match.authority;
      const host = authority != null && authority.kind == StringMatchKind.Exact ? authority.text : null;
      if (host == null) this.anyHost.add(candidate);
      else this.groupOf(host).add(candidate);
    }
  }

  private groupOf(host: Text): HostGroup {
    const key = lowerCase(host.bytes);
    let group = this.hosts.get(key);
    if (group == null) {
      group = new HostGroup();
      this.hosts.set(Text.from(key), group);
    }
    return group;
  }

  /** The first candidate that matches, or `null`. */
  find(request: RequestView): Candidate | null {
    const buckets = BucketList.create();
    if (this.hosts.size > 0) {
      const group = this.hosts.get(lowerCase(request.host));
      if (group != null) group.collect(request, buckets);
    }
    this.anyHost.collect(request, buckets);
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
