import { arena, Bytes, Text, toLower } from "../bytes";
import { BytesTable, PrefixTable } from "../table";
import { Match } from "./match";
import { PathMatchKind } from "./path-match";
import { StringMatchKind } from "./string-match";

/** One match block and the rule that it belongs to, in the order of the configuration. Laid out as {@link Candidate}, which knows the rule's type. */
@final
export class Entry {
  constructor(
    readonly order: i32,
    readonly match: Match,
    readonly rule: Object,
    /** The next one of its bucket. */
    public next: Entry | null = null,
  ) {}
}

/** Entries that share a literal condition, in order. A list by links: what a request looks at is seldom in a cache, and an array would be two places more. */
@final
class Bucket {
  first: Entry | null = null;
  private last: Entry | null = null;

  add(entry: Entry): void {
    const last = this.last;
    if (last == null) this.first = entry;
    else last.next = entry;
    this.last = entry;
  }
}

/** The entries of one header that ask for exact values of it. */
@final
class HeaderBuckets {
  readonly byValue: BytesTable<Bucket> = new BytesTable<Bucket>();

  constructor(readonly name: Text) {}
}

/** The entries of one host, or of no particular host, by the first of these literals that they ask for. What no entry needs is not there, and not looked at. */
@final
class HostGroup {
  private exactPaths: BytesTable<Bucket> | null = null;
  private prefixes: PrefixTable<Bucket> | null = null;
  private headers: HeaderBuckets[] | null = null;
  private rest: Bucket | null = null;

  add(entry: Entry): void {
    this.bucketFor(entry.match).add(entry);
  }

  private bucketFor(match: Match): Bucket {
    const path = match.path;
    if (path != null && !path.ignoreCase) {
      if (path.kind == PathMatchKind.Exact) {
        let exactPaths = this.exactPaths;
        if (exactPaths == null) this.exactPaths = exactPaths = new BytesTable<Bucket>();
        return bucketIn(exactPaths, path.text);
      }
      if (path.kind == PathMatchKind.Prefix && path.text.bytes.length > 1) return this.prefixBucket(path.text);
    }
    for (let i = 0; i < match.headers.length; i++) {
      const header = match.headers[i];
      const exact = header.value.exactText;
      if (exact != null) return bucketIn(this.headerBuckets(header.name), exact);
    }
    let rest = this.rest;
    if (rest == null) this.rest = rest = new Bucket();
    return rest;
  }

  private prefixBucket(text: Text): Bucket {
    let prefixes = this.prefixes;
    if (prefixes == null) this.prefixes = prefixes = new PrefixTable<Bucket>();
    let bucket = prefixes.get(text.bytes);
    if (bucket == null) {
      bucket = new Bucket();
      prefixes.set(text, bucket);
    }
    return bucket;
  }

  private headerBuckets(name: Text): BytesTable<Bucket> {
    let headers = this.headers;
    if (headers == null) this.headers = headers = [];
    for (let i = 0; i < headers.length; i++) {
      if (headers[i].name.bytes.equals(name.bytes)) return headers[i].byValue;
    }
    const added = new HeaderBuckets(name);
    headers.push(added);
    return added.byValue;
  }

  /** Adds the buckets that can hold an entry for `request`. */
  collect<R>(request: R, into: Entries): void {
    const exactPaths = this.exactPaths;
    if (exactPaths != null) into.add(exactPaths.get(request.path));
    const prefixes = this.prefixes;
    if (prefixes != null) {
      const walk = prefixes.walk();
      for (let bucket = prefixes.next(walk, request.path); bucket != null; bucket = prefixes.next(walk, request.path)) into.add(bucket);
    }
    const headers = this.headers;
    for (let i = 0; headers != null && i < headers.length; i++) {
      const header = unchecked(headers[i]);
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

/** Buckets to look through together, by order: an arena list of the next entry of each. */
@unmanaged
@final
export class Entries {
  private slots: usize;
  private capacity: i32;
  private count: i32;

  static create(): Entries {
    const list = changetype<Entries>(arena.allocate(offsetof<Entries>()));
    list.capacity = 16;
    list.slots = arena.allocate(16 * sizeof<usize>());
    list.count = 0;
    return list;
  }

  add(bucket: Bucket | null): void {
    if (bucket == null) return;
    if (this.count == this.capacity) {
      const size = <usize>this.capacity * sizeof<usize>();
      const slots = arena.allocate(size * 2);
      memory.copy(slots, this.slots, size);
      this.slots = slots;
      this.capacity *= 2;
    }
    store<usize>(this.slots + <usize>this.count * sizeof<usize>(), changetype<usize>(bucket.first));
    this.count++;
  }

  /** The entry of lowest order not yet given; `null` after the last. */
  next(): Entry | null {
    let best: Entry | null = null;
    let bestSlot: usize = 0;
    for (let i = 0; i < this.count; i++) {
      const slot = this.slots + <usize>i * sizeof<usize>();
      const entry = changetype<Entry | null>(load<usize>(slot));
      if (entry != null && (best == null || entry.order < best.order)) {
        best = entry;
        bestSlot = slot;
      }
    }
    if (best != null) store<usize>(bestSlot, changetype<usize>(best.next));
    return best;
  }
}

/**
 * Blocks of conditions, such that a request meets only those whose literal conditions it fulfils: by exact host, then by exact path, path
 * prefix or exact header value. What is left (regular expressions, templates, ranges, ...) is looked through in order.
 */
@final
export class MatchIndex {
  private hosts: BytesTable<HostGroup> | null = null;
  private readonly anyHost: HostGroup = new HostGroup();
  private count: i32 = 0;

  add(match: Match, rule: Object): void {
    const entry = new Entry(this.count++, match, rule);
    const authority = match.authority;
    const host = authority != null && authority.kind == StringMatchKind.Exact ? authority.text : null;
    if (host == null) this.anyHost.add(entry);
    else this.groupOf(host).add(entry);
  }

  private groupOf(host: Text): HostGroup {
    const key = lowerCase(host.bytes);
    let hosts = this.hosts;
    if (hosts == null) this.hosts = hosts = new BytesTable<HostGroup>();
    let group = hosts.get(key);
    if (group == null) {
      group = new HostGroup();
      hosts.set(Text.from(key), group);
    }
    return group;
  }

  /** All entries whose literal conditions `request` fulfils. */
  entries<R>(request: R): Entries {
    const entries = Entries.create();
    const hosts = this.hosts;
    if (hosts != null) {
      const group = hosts.get(lowerCase(request.host));
      if (group != null) group.collect(request, entries);
    }
    this.anyHost.collect(request, entries);
    return entries;
  }

  /** The first entry that matches, or `null`. */
  find<R>(request: R): Entry | null {
    const entries = this.entries(request);
    for (let entry = entries.next(); entry != null; entry = entries.next()) {
      if (entry.match.matches(request)) return entry;
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
