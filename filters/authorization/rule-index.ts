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
  // Null where no rule stands in it: requests look at no more than they must, because little of what they look at is in a cache.
  private principals: BytesTable<Bucket> | null = null;
  private namespaces: BytesTable<Bucket> | null = null;
  private serviceAccounts: BytesTable<Bucket> | null = null;
  private paths: BytesTable<Bucket> | null = null;
  private prefixes: PrefixTable<Bucket> | null = null;
  private hosts: BytesTable<Bucket> | null = null;
  private methods: BytesTable<Bucket> | null = null;
  private rest: Bucket | null = null;

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
      let rest = this.rest;
      if (rest == null) this.rest = rest = new Bucket();
      rest.rules.push(rule);
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
      let prefixes = this.prefixes;
      if (prefixes == null) this.prefixes = prefixes = new PrefixTable<Bucket>();
      let bucket = prefixes.get(key.text.bytes);
      if (bucket == null) {
        bucket = new Bucket();
        prefixes.set(key.text, bucket);
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
    if (kind == KeyKind.Principal) return (this.principals = orNew(this.principals));
    if (kind == KeyKind.Namespace) return (this.namespaces = orNew(this.namespaces));
    if (kind == KeyKind.ServiceAccount) return (this.serviceAccounts = orNew(this.serviceAccounts));
    if (kind == KeyKind.Path) return (this.paths = orNew(this.paths));
    if (kind == KeyKind.Host) return (this.hosts = orNew(this.hosts));
    return (this.methods = orNew(this.methods));
  }

  /** The first rule that matches, or `null`. */
  find(request: RequestView): Rule | null {
    let best = firstIn(this.rest, request, null);
    const paths = this.paths;
    const prefixes = this.prefixes;
    if (paths != null || prefixes != null) {
      // Asked for even if no rule is found by it: without a path the rules that are cannot judge.
      const path = request.path;
      if (path != null && paths != null) best = firstIn(paths.get(path), request, best);
      if (path != null && prefixes != null) {
        const walk = prefixes.walk();
        for (let bucket = prefixes.next(walk, path); bucket != null; bucket = prefixes.next(walk, path)) best = bucket.first(request, best);
      }
    }
    const hosts = this.hosts;
    if (hosts != null) {
      const authority = request.authority;
      if (authority != null) best = firstIn(hosts.get(lowerCase(authority)), request, best);
    }
    const methods = this.methods;
    if (methods != null) {
      const method = request.method;
      if (method != null) best = firstIn(methods.get(method), request, best);
    }
    return this.findByPeer(request, best);
  }

  private findByPeer(request: RequestView, found: Rule | null): Rule | null {
    const principals = this.principals;
    const namespaces = this.namespaces;
    const serviceAccounts = this.serviceAccounts;
    if (principals == null && namespaces == null && serviceAccounts == null) return found;
    const principal = request.principal;
    if (principal == null) return found;
    let best = principals != null ? firstIn(principals.get(principal), request, found) : found;
    if (namespaces != null) best = findByPart(namespaces, NAMESPACE, principal, request, best);
    return serviceAccounts != null ? findByPart(serviceAccounts, SERVICE_ACCOUNT, principal, request, best) : best;
  }
}

function orNew(table: BytesTable<Bucket> | null): BytesTable<Bucket> {
  return table != null ? table : new BytesTable<Bucket>();
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
