import { toLower } from "../lib/bytes";
import { BytesTable, PrefixTable } from "../lib/table";
import { arena, Bytes } from "../sdk";
import { Dimension, DIMENSIONS, Key, KeyKind } from "./condition";
import { RequestView } from "./request";
import { Rule } from "./rule";

const NAMESPACE = Bytes.of("/ns/");
const SERVICE_ACCOUNT = Bytes.of("/sa/");
const SLASH: u8 = 0x2f;

/** Rules that share a literal, in order. */
@final
class Bucket {
  readonly rules: Rule[] = [];
  /** How often the literal stands in rules. */
  shares: i32 = 0;

  /** The first rule that matches and stands before `best`; else `best`. */
  first(request: RequestView, best: Rule | null): Rule | null {
    const rules = this.rules;
    for (let i = 0; i < rules.length; i++) {
      const rule = unchecked(rules[i]);
      if (best != null && rule.order >= best.order) break;
      if (rule.matches(request)) return rule;
    }
    return best;
  }
}

/**
 * The rules of one action, such that a request meets only those that share a literal with it. Each rule stands under its literals of one {@link Dimension}: of
 * those that it has, the one whose literals the fewest rules share. Rules without any literal are tried for every request.
 *
 * ```
 *   principal  "spiffe://td/ns/a/sa/b" -> [rule 0, rule 7]      one look-up
 *   workload   "/ns/a/", "/sa/b"       -> [rule 3]              one for each such part of the principal
 *   path       "/a/b", "/a/" + prefix  -> [rule 1]              one, and one walk over the path for all prefixes
 *   host       "shop.example.com"      -> [rule 2]              one
 *   method     "DELETE"                -> [rule 5]              one
 *   rest                               -> [rule 4, rule 6]
 * ```
 *
 * The first matching rule in the order of the configuration is found, whichever bucket it stands in.
 */
@final
export class RuleIndex {
  private readonly rules: Rule[] = [];
  private principals: BytesTable<Bucket> = new BytesTable<Bucket>();
  private namespaces: BytesTable<Bucket> = new BytesTable<Bucket>();
  private serviceAccounts: BytesTable<Bucket> = new BytesTable<Bucket>();
  private paths: BytesTable<Bucket> = new BytesTable<Bucket>();
  private prefixes: PrefixTable<Bucket> = new PrefixTable<Bucket>();
  private hosts: BytesTable<Bucket> = new BytesTable<Bucket>();
  private methods: BytesTable<Bucket> = new BytesTable<Bucket>();
  private readonly rest: Bucket = new Bucket();

  add(rule: Rule): void {
    rule.order = this.rules.length;
    this.rules.push(rule);
  }

  get size(): i32 {
    return this.rules.length;
  }

  /** Distributes the rules. Once, after the last {@link add}. */
  build(): void {
    // As many buckets as there are literals: only those that are chosen may stay, because a table that is not empty has requests looked at.
    const shares = new RuleIndex();
    for (let i = 0; i < this.rules.length; i++) {
      for (let dimension = 0; dimension < DIMENSIONS; dimension++) {
        const keys = this.rules[i].keys(dimension);
        for (let k = 0; keys != null && k < keys.length; k++) shares.bucketOf(keys[k]).shares++;
      }
    }
    for (let i = 0; i < this.rules.length; i++) this.place(this.rules[i], shares);
  }

  private place(rule: Rule, shares: RuleIndex): void {
    let chosen: Key[] | null = null;
    let fewest = i32.MAX_VALUE;
    for (let dimension = 0; dimension < DIMENSIONS; dimension++) {
      const keys = rule.keys(dimension);
      if (keys == null) continue;
      let most = 0;
      for (let k = 0; k < keys.length; k++) most = max(most, shares.bucketOf(keys[k]).shares);
      if (most >= fewest) continue;
      fewest = most;
      chosen = keys;
    }
    if (chosen == null) {
      this.rest.rules.push(rule);
      return;
    }
    for (let k = 0; k < chosen.length; k++) {
      const rules = this.bucketOf(chosen[k]).rules;
      // Two values of a rule can be the same key.
      if (rules.length == 0 || rules[rules.length - 1] != rule) rules.push(rule);
    }
  }

  private bucketOf(key: Key): Bucket {
    if (key.kind == KeyKind.PathPrefix) {
      let bucket = this.prefixes.get(key.text.bytes);
      if (bucket == null) {
        bucket = new Bucket();
        this.prefixes.set(key.text, bucket);
      }
      return bucket;
    }
    const table = this.tableOf(key.kind);
    let bucket = table.get(key.text.bytes);
    if (bucket == null) {
      bucket = new Bucket();
      table.set(key.text, bucket);
    }
    return bucket;
  }

  private tableOf(kind: KeyKind): BytesTable<Bucket> {
    if (kind == KeyKind.Principal) return this.principals;
    if (kind == KeyKind.Namespace) return this.namespaces;
    if (kind == KeyKind.ServiceAccount) return this.serviceAccounts;
    if (kind == KeyKind.Path) return this.paths;
    return kind == KeyKind.Host ? this.hosts : this.methods;
  }

  /** The first rule that matches, or `null`. */
  find(request: RequestView): Rule | null {
    let best = this.rest.first(request, null);
    // Asked for even if no rule is found by it: without a path the rules that are cannot judge.
    const path = this.paths.size + this.prefixes.size > 0 ? request.path : null;
    if (path != null) {
      best = firstIn(this.paths.get(path), request, best);
      const walk = this.prefixes.walk();
      for (let bucket = this.prefixes.next(walk, path); bucket != null; bucket = this.prefixes.next(walk, path)) {
        best = bucket.first(request, best);
      }
    }
    if (this.hosts.size > 0) {
      const authority = request.authority;
      if (authority != null) best = firstIn(this.hosts.get(lowerCase(authority)), request, best);
    }
    if (this.methods.size > 0) {
      const method = request.method;
      if (method != null) best = firstIn(this.methods.get(method), request, best);
    }
    return this.findByPeer(request, best);
  }

  private findByPeer(request: RequestView, found: Rule | null): Rule | null {
    if (this.principals.size + this.namespaces.size + this.serviceAccounts.size == 0) return found;
    const principal = request.principal;
    if (principal == null) return found;
    let best = firstIn(this.principals.get(principal), request, found);
    if (this.namespaces.size > 0) best = findByPart(this.namespaces, NAMESPACE, principal, request, best);
    return this.serviceAccounts.size > 0 ? findByPart(this.serviceAccounts, SERVICE_ACCOUNT, principal, request, best) : best;
  }
}

function firstIn(bucket: Bucket | null, request: RequestView, best: Rule | null): Rule | null {
  return bucket != null ? bucket.first(request, best) : best;
}

/** Looks up every segment of `principal` that stands behind `marker`. */
function findByPart(table: BytesTable<Bucket>, marker: Bytes, principal: Bytes, request: RequestView, found: Rule | null): Rule | null {
  let best = found;
  for (let at = principal.indexOfBytes(marker); at >= 0; at = principal.indexOfBytes(marker, at + 1)) {
    const start = at + marker.length;
    const slash = principal.indexOf(SLASH, start);
    best = firstIn(table.get(principal.slice(start, slash < 0 ? principal.length : slash)), request, best);
  }
  return best;
}

/** A copy in the arena with ASCII capitals made small. */
function lowerCase(bytes: Bytes): Bytes {
  const copy = arena.allocate(<usize>bytes.length);
  for (let i = 0; i < bytes.length; i++) store<u8>(copy + <usize>i, toLower(bytes[i]));
  return Bytes.view(copy, bytes.length);
}
