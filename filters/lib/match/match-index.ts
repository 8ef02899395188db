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
  ) {}
}

/** Entries that share a literal condition, in order. */
@final
class Bucket {
  readonly entries: Entry[] = [];
}

/** The entries of one header that ask for exact values of it. */
@final
class HeaderBuckets {
  readonly byValue: BytesTable<Bucket> = new BytesTable<Bucket>();

  constructor(readonly name: Text) {}
}

/** The entries of one host, or of no particular host, by the first of these literals that they ask for. */
@final
class HostGroup {
  readonly exactPaths: BytesTable<Bucket> = new BytesTable<Bucket>();
  readonly prefixes: PrefixTable<Bucket> = new PrefixTable<Bucket>();
  readonly headers: HeaderBuckets[] = [];
  readonly rest: Bucket = new Bucket();

  add(entry: Entry): void {
    this.bucketFor(entry.match).entries.push(entry);
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

  /** Adds the buckets that can hold an entry for `request`. */
  collect<R>(request: R, into: Entries): void {
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
export class Entries {
  private slots: usize;
  private capacity: i32;
  private count: i32;

  static create(): Entries {
    const list = changetype<Entries>(arena.allocate(offsetof<Entries>()));
    list.capacity = 16;
    list.slots = arena.allocate(16 * 8);
    list.count = 0;
    return list;
  }

  add(bucket: Bucket | null): void {
    if (bucket == null || bucket.entries.length == 0) return;
    if (this.count == this.capacity) {
      const slots = arena.allocate(<usize>this.capacity * 16);
      memory.copy(slots, this.slots, <usize>this.capacity * 8);
      this.slots = slots;
      this.capacity *= 2;
    }
    const slot = this.slots + <usize>this.count * 8;
    store<usize>(slot, changetype<usize>(bucket));
    store<i32>(slot, 0, 4);
    this.count++;
  }

  /** The entry of lowest order not yet given; `null` after the last. */
  next(): Entry | null {
    let best: Entry | null = null;
    let bestSlot: usize = 0;
    for (let i = 0; i < this.count; i++) {
      const slot = this.slots + <usize>i * 8;
      const bucket = changetype<Bucket>(load<usize>(slot));
      const position = load<i32>(slot, 4);
      if (position >= bucket.entries.length) continue;
      const entry = unchecked(bucket.entries[position]);
      if (best == null || entry.order < best.order) {
        best = entry;
        bestSlot = slot;
      }
    }
    if (best != null) store<i32>(bestSlot, load<i32>(bestSlot, 4) + 1, 4);
    return best;
  }
}

/**
 * Blocks of conditions, such that a request meets only those whose literal conditions it fulfils: by exact host, then by exact path, path
 * prefix or exact header value. What is left (regular expressions, templates, ranges, ...) is looked through in order.
 */
@final
export class MatchIndex {
  private readonly hosts: BytesTable<HostGroup> = new BytesTable<HostGroup>();
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
    let group = this.hosts.get(key);
    if (group == null) {
      group = new HostGroup();
      this.hosts.set(Text.from(key), group);
    }
    return group;
  }

  /** All entries whose literal conditions `request` fulfils. */
  entries<R>(request: R): Entries {
    const entries = Entries.create();
    if (this.hosts.size > 0) {
      const group = this.hosts.get(lowerCase(request.host));
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
