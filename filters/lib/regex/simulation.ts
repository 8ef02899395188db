import { arena } from "../bytes";
import { Assertion } from "./node";
import { Op, Program } from "./program";
import { addTo, newSet, wordsFor } from "./set";

/** Between two bytes: what an assertion can see. -1 stands for no byte. */
const NONE: i32 = -1;

/**
 * Follows a program through one set of instructions to the next. All sets are closed: of each instruction that waits for a byte, ends the match
 * or asserts the end of the text, nothing else is kept. A step costs at most one visit of each instruction.
 */
@unmanaged
@final
export class Simulation {
  private programPointer: usize;
  private words: i32;
  private visited: usize;
  private stack: usize;

  static of(program: Program): Simulation {
    const simulation = changetype<Simulation>(arena.allocate(offsetof<Simulation>()));
    simulation.programPointer = changetype<usize>(program);
    simulation.words = wordsFor(program.size);
    simulation.visited = newSet(simulation.words);
    // Each instruction is pushed once at most, by the set of visited ones.
    simulation.stack = arena.allocate(<usize>program.size * 2 + 8);
    return simulation;
  }

  // @ts-ignore: decorator
  @inline
  private get program(): Program {
    return changetype<Program>(this.programPointer);
  }

  get setSize(): usize {
    return (<usize>this.words) << 3;
  }

  newSet(): usize {
    return newSet(this.words);
  }

  clear(set: usize): void {
    memory.fill(set, 0, this.setSize);
  }

  /** Begins to collect a set. */
  begin(): void {
    this.clear(this.visited);
  }

  /**
   * Adds `from` and what can be reached from it without a byte. `before` and `after` are the bytes around the position, or -1; with `known` false
   * only the start of the text can be told, and assertions of its end are kept for {@link acceptsAtEnd}.
   */
  add(set: usize, from: u32, before: i32, after: i32, known: bool): void {
    const program = this.program;
    let top = 0;
    if (addTo(this.visited, from)) this.push(top++, from);
    while (top > 0) {
      const index = <u32>this.pop(--top);
      const op = unchecked(program.ops[index]);
      const out = <u32>unchecked(program.out[index]);
      if (op == Op.Byte || op == Op.Match) {
        addTo(set, index);
        continue;
      }
      if (op == Op.Assert) {
        const assertion = <Assertion>unchecked(program.other[index]);
        if (!known && assertion == Assertion.EndText) {
          addTo(set, index);
          continue;
        }
        if (!holds(assertion, before, after)) continue;
      }
      if (op == Op.Split) {
        const other = <u32>unchecked(program.other[index]);
        if (addTo(this.visited, other)) this.push(top++, other);
      }
      if (addTo(this.visited, out)) this.push(top++, out);
    }
  }


  @inline
  private push(top: i32, index: u32): void {
    store<u16>(this.stack + ((<usize>top) << 1), <u16>index);
  }


  @inline
  private pop(top: i32): u16 {
    return load<u16>(this.stack + ((<usize>top) << 1));
  }

  /** Fills `next` with what `byte` leads to from `set`. Returns whether that is anything. */
  step(set: usize, byte: i32, after: i32, known: bool, next: usize): bool {
    const program = this.program;
    this.clear(next);
    this.begin();
    let any = false;
    for (let word = 0; word < this.words; word++) {
      let bits = load<u64>(set + ((<usize>word) << 3));
      while (bits != 0) {
        const index = ((<u32>word) << 6) + <u32>ctz(bits);
        bits &= bits - 1;
        if (unchecked(program.ops[index]) != Op.Byte) continue;
        if (byte < <i32>unchecked(program.low[index]) || byte > <i32>unchecked(program.high[index])) continue;
        this.add(next, <u32>unchecked(program.out[index]), byte, after, known);
        any = true;
      }
    }
    return any;
  }

  /** Whether a match ends here, at the end of the text. `before` is the last byte, or -1. */
  acceptsAtEnd(set: usize, before: i32): bool {
    const program = this.program;
    const reached = this.newSet();
    this.begin();
    for (let word = 0; word < this.words; word++) {
      let bits = load<u64>(set + ((<usize>word) << 3));
      while (bits != 0) {
        const index = ((<u32>word) << 6) + <u32>ctz(bits);
        bits &= bits - 1;
        const op = unchecked(program.ops[index]);
        if (op == Op.Match) return true;
        if (op == Op.Assert) this.add(reached, <u32>unchecked(program.out[index]), before, NONE, true);
      }
    }
    for (let index = 0; index < program.size; index++) {
      const word = load<u64>(reached + ((<usize>(index >> 6)) << 3));
      if ((word >> (<u64>(index & 63))) & 1 && unchecked(program.ops[index]) == Op.Match) return true;
    }
    return false;
  }
}

/** Whether an assertion holds between two bytes; -1 is no byte. Word characters are ASCII, as in RE2. */
export function holds(assertion: Assertion, before: i32, after: i32): bool {
  switch (assertion) {
    case Assertion.BeginText:
      return before == NONE;
    case Assertion.EndText:
      return after == NONE;
    case Assertion.BeginLine:
      return before == NONE || before == 0x0a;
    case Assertion.EndLine:
      return after == NONE || after == 0x0a;
    case Assertion.WordBoundary:
      return isWord(before) != isWord(after);
    default:
      return isWord(before) == isWord(after);
  }
}

function isWord(byte: i32): bool {
  return <u32>(byte - 0x30) < 10 || <u32>((byte | 0x20) - 0x61) < 26 || byte == 0x5f;
}
