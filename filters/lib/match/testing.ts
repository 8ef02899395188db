import { arena, Bytes, Text } from "../bytes";
import { Config } from "../config";
import { IntegerRange, parsePathMatch, parseStringMatch, PathMatch, Search, StringMatch, StringMatchKind } from ".";
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
