import { arena, Bytes } from "../bytes";
import { Assertion } from "./node";
import { Op, Program } from "./program";
import { addTo, newSet, wordsFor } from "./set";
import { holds } from "./simulation";

/**
 * Finds where an expression matches and what its groups hold, leftmost and by preference as RE2 (Pike's machine): one thread for each
 * instruction, in order of preference, each with its own positions. Time is the size of the program times the length of the input; memory is the
 * size of the program times the number of groups. For rewrites, where a full match does not do.
 *
 * ```
 * thread list: (u32 instruction, i32 position * slots) * count, best first
 * ```
 */
@unmanaged
@final
export class Search {
  private programPointer: usize;
  private slots: i32;
  private threadSize: usize;
  private words: i32;
  private visited: usize;
  private current: usize;
  private currentCount: i32;
  private upcoming: usize;
  private upcomingCount: i32;
  private stack: usize;
  private scratch: usize;
  /** Positions of the match: start and end of each group, -1 where it took no part. */
  positions: usize;

  /** `groups`: captures of the pattern, the whole match not counted. */
  static of(program: Program, groups: i32): Search {
    const search = changetype<Search>(arena.allocate(offsetof<Search>()));
    search.programPointer = changetype<usize>(program);
    search.slots = (groups + 1) * 2;
    search.threadSize = 4 + <usize>search.slots * 4;
    search.words = wordsFor(program.size);
    search.visited = newSet(search.words);
    search.current = arena.allocate(search.threadSize * <usize>program.size);
    search.upcoming = arena.allocate(search.threadSize * <usize>program.size);
    // (instruction, slot to restore or -1, position to restore)
    search.stack = arena.allocate(12 * (<usize>program.size * 2 + 8));
    search.scratch = arena.allocate(<usize>search.slots * 4);
    search.positions = arena.allocate(<usize>search.slots * 4);
    return search;
  }

  // @ts-ignore: decorator
  @inline
  private get program(): Program {
    return changetype<Program>(this.programPointer);
  }

  /** The first match that begins at `from` or later. */
  find(input: Bytes, from: i32): bool {
    let matched = false;
    this.currentCount = 0;
    let at = from;
    while (true) {
      memory.fill(this.visited, 0, (<usize>this.words) << 3);
      this.upcomingCount = 0;
      const before = at > 0 ? <i32>input[at - 1] : -1;
      const here = at < input.length ? <i32>input[at] : -1;
      // Threads of the position, closed: those that came here by a byte are in `current` already; a new one begins behind them.
      // None begins inside a character: `\B` holds there, but a rewrite would tear it apart.
      if (!matched && (here & 0xc0) != 0x80) {
        memory.fill(this.scratch, 0xff, <usize>this.slots * 4);
        this.markCurrent();
        this.add(this.program.start, at, before, here, true);
      }
      if (matched && this.currentCount == 0) return true;
      matched = this.advance(input, at, here) || matched;
      if (here < 0) return matched;
      this.swap();
      at++;
    }
  }

  private markCurrent(): void {
    for (let i = 0; i < this.currentCount; i++) addTo(this.visited, load<u32>(this.current + <usize>i * this.threadSize));
  }

  /** Moves every thread over the byte at `at`. Returns whether one of them matched; those behind it are given up. */
  private advance(input: Bytes, at: i32, byte: i32): bool {
    const program = this.program;
    const next = at + 1 < input.length ? <i32>input[at + 1] : -1;
    memory.fill(this.visited, 0, (<usize>this.words) << 3);
    for (let i = 0; i < this.currentCount; i++) {
      const thread = this.current + <usize>i * this.threadSize;
      const index = load<u32>(thread);
      if (unchecked(program.ops[index]) == Op.Match) {
        memory.copy(this.positions, thread + 4, <usize>this.slots * 4);
        return true;
      }
      if (byte < <i32>unchecked(program.low[index]) || byte > <i32>unchecked(program.high[index])) continue;
      memory.copy(this.scratch, thread + 4, <usize>this.slots * 4);
      this.add(<u32>unchecked(program.out[index]), at + 1, byte, next, false);
    }
    return false;
  }

  private swap(): void {
    const list = this.current;
    this.current = this.upcoming;
    this.upcoming = list;
    this.currentCount = this.upcomingCount;
  }

  /** Adds threads for all that `start` reaches without a byte, in order of preference, to the current list or the upcoming one. */
  private add(start: u32, at: i32, before: i32, after: i32, toCurrent: bool): void {
    const program = this.program;
    let top = 0;
    this.push(top++, start, -1, 0);
    while (top > 0) {
      top--;
      const entry = this.stack + <usize>top * 12;
      const restored = load<i32>(entry, 4);
      if (restored >= 0) {
        store<i32>(this.scratch + ((<usize>restored) << 2), load<i32>(entry, 8));
        continue;
      }
      const index = load<u32>(entry);
      if (!addTo(this.visited, index)) continue;
      const op = unchecked(program.ops[index]);
      const out = <u32>unchecked(program.out[index]);
      const other = <u32>unchecked(program.other[index]);
      if (op == Op.Byte || op == Op.Match) {
        this.emit(index, toCurrent);
      } else if (op == Op.Split) {
        this.push(top++, other, -1, 0);
        this.push(top++, out, -1, 0);
      } else if (op == Op.Capture) {
        if (<i32>other < this.slots) {
          const slot = this.scratch + ((<usize>other) << 2);
          this.push(top++, 0, other, load<i32>(slot));
          store<i32>(slot, at);
        }
        this.push(top++, out, -1, 0);
      } else if (op == Op.Jump || holds(<Assertion>other, before, after)) {
        this.push(top++, out, -1, 0);
      }
    }
  }

  private emit(index: u32, toCurrent: bool): void {
    const list = toCurrent ? this.current : this.upcoming;
    const count = toCurrent ? this.currentCount++ : this.upcomingCount++;
    const thread = list + <usize>count * this.threadSize;
    store<u32>(thread, index);
    memory.copy(thread + 4, this.scratch, <usize>this.slots * 4);
  }

  private push(top: i32, index: u32, restored: i32, position: i32): void {
    const entry = this.stack + <usize>top * 12;
    store<u32>(entry, index);
    store<i32>(entry, restored, 4);
    store<i32>(entry, position, 8);
  }
}
