import { arena, Bytes, Text } from "../bytes";
import { Config } from "../config";
import { SocketAddress } from "../cidr";
import { Claims } from "../claims";
import { JsonDocument, JsonValue } from "../json";
import {
  Bucketing,
  IntegerRange,
  Match,
  parseBucketing,
  parseMatch,
  parsePathMatch,
  parseStringMatch,
  PathMatch,
  RuleIndex,
  Search,
  StringMatch,
  StringMatchKind,
} from ".";
import { Regex } from "../regex";

// Flat functions for the tests of this folder. What is compiled stays until the next.

let match = StringMatch.present();
let path = PathMatch.any();
let search = new Search(Bytes.empty(), false);

function view(pointer: usize, length: i32): Bytes {
  arena.reset();
  return Bytes.view(pointer, length);
}

/** A condition of one of the four kinds of text, or of a regular expression; false where that does not compile. */
export function compile(kind: i32, pointer: usize, length: i32, ignoreCase: bool): bool {
  const text = view(pointer, length);
  switch (kind) {
    case StringMatchKind.Exact:
      match = StringMatch.exact(text, ignoreCase);
      return true;
    case StringMatchKind.Prefix:
      match = StringMatch.prefix(text, ignoreCase);
      return true;
    case StringMatchKind.Suffix:
      match = StringMatch.suffix(text, ignoreCase);
      return true;
    case StringMatchKind.Contains:
      match = StringMatch.contains(text, ignoreCase);
      return true;
    default: {
      const regex = Regex.compile(text);
      if (regex == null) return false;
      match = StringMatch.regex(regex);
      return true;
    }
  }
}

export function compileRange(start: i64, end: i64): void {
  match = StringMatch.range(new IntegerRange(start, end));
}

export function compilePresence(present: bool): void {
  match = present ? StringMatch.present() : StringMatch.absent();
}

/** Compiles a condition out of its JSON; what is wrong with it, packed, or all ones. */
export function parse(pointer: usize, length: i32, ignoreCase: bool): u64 {
  const config = new Config(view(pointer, length));
  const root = config.root;
  if (root != null) match = parseStringMatch(root, ignoreCase);
  return packed(config.problem);
}

/** The same for a condition on a path. */
export function parsePath(pointer: usize, length: i32): u64 {
  const config = new Config(view(pointer, length));
  const root = config.root;
  if (root != null) path = parsePathMatch(root);
  return packed(config.problem);
}

export function pathMatches(pointer: usize, length: i32): bool {
  return path.matches(view(pointer, length));
}

function packed(problem: string | null): u64 {
  if (problem == null) return u64.MAX_VALUE;
  const text = Text.of(problem).bytes;
  const copy = arena.allocate(<usize>text.length);
  memory.copy(copy, text.pointer, <usize>text.length);
  return ((<u64>copy) << 32) | (<u64>text.length);
}

export function kind(): i32 {
  return match.kind;
}

export function matches(pointer: usize, length: i32): bool {
  return match.matches(view(pointer, length));
}

export function matchesMissing(): bool {
  return match.matchesMissing();
}

export function hasExactText(): bool {
  return match.exactText != null;
}

export function searchCompile(pointer: usize, length: i32, ignoreCase: bool): void {
  search = new Search(view(pointer, length), ignoreCase);
}

export function searchIsIn(pointer: usize, length: i32): bool {
  return search.isIn(view(pointer, length));
}

/** The values of one name in `[[name, value], ...]`. */
@unmanaged
@final
class Values {
  value: Bytes;
  private item: JsonValue | null;
  private name: Bytes;

  static of(list: JsonValue | null, name: Bytes): Values {
    const values = changetype<Values>(arena.allocate(offsetof<Values>()));
    values.value = Bytes.empty();
    values.item = list != null ? list.first : null;
    values.name = name;
    return values;
  }

  next(): bool {
    while (this.item != null) {
      const item = this.item as JsonValue;
      this.item = item.next;
      const name = item.first as JsonValue;
      this.value = (name.next as JsonValue).text;
      if (name.text.equals(this.name)) return true;
    }
    return false;
  }
}


@unmanaged
@final
class Pairs {
  list: JsonValue | null;

  static of(list: JsonValue | null): Pairs {
    const pairs = changetype<Pairs>(arena.allocate(offsetof<Pairs>()));
    pairs.list = list;
    return pairs;
  }

  values(name: Bytes): Values {
    return Values.of(this.list, name);
  }

  get(name: Bytes): Bytes | null {
    const values = this.values(name);
    return values.next() ? values.value : null;
  }
}

/** A request out of its JSON: `{path, host, method, scheme, source, headers, query, cookies, claims, random}`. */
@unmanaged
@final
class Request {
  json: JsonValue;

  static parse(pointer: usize, length: i32): Request {
    const json = JsonDocument.parse(view(pointer, length)).root as JsonValue;
    const request = changetype<Request>(arena.allocate(offsetof<Request>()));
    request.json = json;
    return request;
  }

  private member(name: string): JsonValue | null {
    return this.json.member(Text.of(name).bytes);
  }

  private text(name: string): Bytes {
    const member = this.member(name);
    return member != null ? member.text : Bytes.empty();
  }

  get path(): Bytes {
    return this.text("path");
  }

  get host(): Bytes {
    return this.text("host");
  }

  get method(): Bytes | null {
    return this.text("method");
  }

  get scheme(): Bytes | null {
    return this.text("scheme");
  }

  get headers(): Pairs {
    return Pairs.of(this.member("headers"));
  }

  get claims(): Claims {
    return Claims.parse(this.text("claims"));
  }

  queryParameter(name: Bytes): Bytes | null {
    return Pairs.of(this.member("query")).get(name);
  }

  cookie(name: Bytes): Bytes | null {
    return Pairs.of(this.member("cookies")).get(name);
  }

  get sourceIp(): Bytes | null {
    return this.member("source") != null ? this.text("source") : null;
  }

  get sourceAddress(): SocketAddress | null {
    return SocketAddress.parse(this.text("source"));
  }

  /** Always the middle. */
  randomBelow(bound: u32): u32 {
    return bound / 2;
  }
}


@final
class Rule {
  matches: Match[] = [];

  constructor(readonly number: i32) {}
}

let rules = new RuleIndex<Rule>();
let bucketing = Bucketing.random();

/** Compiles `[[match, ...], ...]`, the blocks of each rule; what is wrong with them, packed, or all ones. */
export function parseRules(pointer: usize, length: i32): u64 {
  const config = new Config(view(pointer, length));
  const root = config.root;
  rules = new RuleIndex<Rule>();
  if (root != null) {
    const items = root.items();
    for (let i = 0; i < items.length; i++) {
      const rule = new Rule(i);
      const blocks = items[i].items();
      for (let j = 0; j < blocks.length; j++) rule.matches.push(parseMatch(blocks[j]));
      rules.add(rule);
    }
  }
  return packed(config.problem);
}

/** The number of the first rule that matches; -1 without one. */
export function findRule(pointer: usize, length: i32): i32 {
  const found = rules.find(Request.parse(pointer, length));
  return found != null ? found.rule.number : -1;
}

export function compileBucketing(pointer: usize, length: i32): u64 {
  const config = new Config(view(pointer, length));
  const root = config.root;
  if (root != null) bucketing = parseBucketing(root);
  return packed(config.problem);
}

export function bucketOf(pointer: usize, length: i32): u32 {
  return bucketing.bucketOf(Request.parse(pointer, length));
}
