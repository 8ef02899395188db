import { Bytes } from "../bytes";
import { MAX_FLUSHES } from "./limits";
import { Op, Program } from "./program";
import { Simulation } from "./simulation";
import { forget, generation, intern, STATE_HEADER } from "./states";

/** No next state known yet; and none possible. Neither is an address of a state. */
const UNKNOWN: usize = 0;
const DEAD: usize = 1;

let matchers: u32 = 0;

/**
 * Full matches. Sets of instructions that were met before are states with a table of what each class of bytes leads to, so that a byte costs one
 * look-up; a new set costs a step of the simulation. Where states do not pay (assertions that look around, or an input that meets a new set at
 * every byte), each byte is a step: linear still, by the size of the program.
 */
@final
export class Matcher {
  /** Unlike its address, never another's: states outlive the expression that made them. */
  private readonly id: u32 = ++matchers;
  private readonly classOf: StaticArray<u8> = new StaticArray<u8>(256);
  private readonly classes: i32;
  private start: usize = 0;
  private startGeneration: u32 = 0;
  private static stepCount: u64 = 0;

  constructor(private readonly program: Program) {
    this.classes = this.divideBytes();
  }

  /** Steps of the simulation since the module began: what tests measure instead of time. */
  static get steps(): u64 {
    return Matcher.stepCount;
  }

  /** Bytes that no instruction tells apart are of one class. */
  private divideBytes(): i32 {
    const begins = new StaticArray<u8>(257);
    for (let i = 0; i < this.program.size; i++) {
      if (this.program.ops[i] != Op.Byte || this.program.low[i] > this.program.high[i]) continue;
      begins[this.program.low[i]] = 1;
      begins[<i32>this.program.high[i] + 1] = 1;
    }
    let count = 0;
    for (let byte = 0; byte < 256; byte++) {
      if (byte > 0 && begins[byte] != 0) count++;
      this.classOf[byte] = <u8>count;
    }
    return count + 1;
  }

  matches(input: Bytes): bool {
    return this.program.looksAround ? this.simulate(input) : this.run(input);
  }

  private run(input: Bytes): bool {
    const table = STATE_HEADER + this.setSize;
    let state = this.startState();
    if (state == UNKNOWN) return this.simulate(input);
    let pointer = input.pointer;
    const end = pointer + <usize>input.length;
    let flushes = 0;
    // Made when first needed, and once: an input can meet a new set at every byte.
    let simulation: Simulation | null = null;
    let scratch: usize = 0;
    const classOf = changetype<usize>(this.classOf);
    while (pointer < end) {
      const byte = load<u8>(pointer);
      const slot = state + table + <usize>load<u8>(classOf + <usize>byte) * sizeof<usize>();
      let next = load<usize>(slot);
      if (next == UNKNOWN) {
        if (simulation == null) {
          simulation = Simulation.of(this.program);
          scratch = simulation.newSet();
        }
        next = this.follow(simulation, state, byte, slot, scratch);
        if (next == UNKNOWN) {
          // Memory is used up. The set of this state is saved before everything is forgotten.
          memory.copy(scratch, state + STATE_HEADER, this.setSize);
          forget();
          state = ++flushes > MAX_FLUSHES ? UNKNOWN : this.stateOf(scratch);
          if (state == UNKNOWN) return this.simulateFrom(simulation, scratch, pointer, end, false, input.pointer);
          continue;
        }
      }
      if (next == DEAD) return false;
      state = next;
      pointer++;
    }
    return this.accepts(state, input);
  }

  private get setSize(): usize {
    return (<usize>((this.program.size + 63) >> 6)) << 3;
  }

  private stateOf(set: usize): usize {
    return intern(this.id, set, this.setSize, <usize>this.classes * sizeof<usize>());
  }

  private startState(): usize {
    if (this.start != UNKNOWN && this.startGeneration == generation) return this.start;
    const simulation = Simulation.of(this.program);
    const set = simulation.newSet();
    simulation.begin();
    simulation.add(set, this.program.start, -1, 0, false);
    let state = this.stateOf(set);
    if (state == UNKNOWN) {
      forget();
      state = this.stateOf(set);
    }
    this.start = state;
    this.startGeneration = generation;
    return state;
  }

  private follow(simulation: Simulation, state: usize, byte: u8, slot: usize, next: usize): usize {
    Matcher.stepCount++;
    if (!simulation.step(state + STATE_HEADER, byte, 0, false, next) || isEmpty(next, this.setSize)) {
      store<usize>(slot, DEAD);
      return DEAD;
    }
    const found = this.stateOf(next);
    if (found != UNKNOWN) store<usize>(slot, found);
    return found;
  }

  private accepts(state: usize, input: Bytes): bool {
    let accepts = load<i32>(state);
    if (accepts < 0) {
      // Without assertions that look around, the last byte matters only in being there: not at the start, which has its own state then.
      const simulation = Simulation.of(this.program);
      accepts = simulation.acceptsAtEnd(state + STATE_HEADER, input.length > 0 ? 0 : -1) ? 1 : 0;
      // The state at the start can be met later too, where `^` no longer holds behind a kept `$`.
      if (state != this.start) store<i32>(state, accepts);
    }
    return accepts != 0;
  }

  private simulate(input: Bytes): bool {
    const simulation = Simulation.of(this.program);
    const set = simulation.newSet();
    const known = this.program.looksAround;
    simulation.begin();
    simulation.add(set, this.program.start, -1, input.length > 0 ? input[0] : -1, known);
    return this.simulateFrom(simulation, set, input.pointer, input.pointer + <usize>input.length, known, input.pointer);
  }

  private simulateFrom(simulation: Simulation, first: usize, from: usize, end: usize, known: bool, begin: usize): bool {
    let set = first;
    let next = simulation.newSet();
    for (let pointer = from; pointer < end; pointer++) {
      Matcher.stepCount++;
      const after = pointer + 1 < end ? <i32>load<u8>(pointer + 1) : -1;
      if (!simulation.step(set, load<u8>(pointer), after, known, next)) return false;
      const swap = set;
      set = next;
      next = swap;
    }
    return simulation.acceptsAtEnd(set, end > begin ? <i32>load<u8>(end - 1) : -1);
  }
}

function isEmpty(set: usize, size: usize): bool {
  for (let at: usize = 0; at < size; at += 8) {
    if (load<u64>(set + at) != 0) return false;
  }
  return true;
}
