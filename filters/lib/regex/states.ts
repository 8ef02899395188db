import { sameBytes } from "../bytes";
import { STATE_MEMORY } from "./limits";

/** Of the table of states. */
const SLOTS: u32 = 4_096;

/**
 * Memory for the states that matches have met, shared by all expressions of the VM, so that a thousand expressions need no more than one. It is
 * taken when first needed. When it is used up, everything in it is forgotten: `generation` tells expressions so.
 *
 * ```
 * u32 owner, u32 unused | state: i32 accepts (-1 not known yet) | i32 unused | u64 instructions * words | usize next state * byte classes
 * ```
 */
let memoryStart: usize = 0;
let table: usize = 0;
let cursor: usize = 0;
let held: u32 = 0;

export let generation: u32 = 1;

/** Bytes before the set of a state. */
export const STATE_HEADER: usize = 8;

function prepare(): void {
  table = heap.alloc(SLOTS * sizeof<usize>());
  memoryStart = heap.alloc(STATE_MEMORY);
  forget();
}

/** Forgets every state. */
export function forget(): void {
  generation++;
  cursor = memoryStart;
  held = 0;
  memory.fill(table, 0, SLOTS * sizeof<usize>());
}

/**
 * The state of `owner` with these instructions, made where there is none; 0 where the memory is used up. `transitions`: bytes of its table
 * of next states.
 */
export function intern(owner: u32, set: usize, setSize: usize, transitions: usize): usize {
  if (table == 0) prepare();
  let hash = hashSet(owner, set, setSize);
  let slot = table + <usize>(hash & (SLOTS - 1)) * sizeof<usize>();
  while (load<usize>(slot) != 0) {
    const state = load<usize>(slot);
    // The owner stands in front of the state: sets of two expressions are not comparable.
    if (load<u32>(state - 8) == owner && sameBytes(state + STATE_HEADER, set, setSize)) return state;
    hash++;
    slot = table + <usize>(hash & (SLOTS - 1)) * sizeof<usize>();
  }
  const size: usize = 8 + STATE_HEADER + setSize + transitions;
  if (held * 2 >= SLOTS || cursor + size > memoryStart + STATE_MEMORY) return 0;
  const state = cursor + 8;
  cursor += (size + 7) & ~7;
  held++;
  store<u32>(state - 8, owner);
  store<i32>(state, -1);
  memory.copy(state + STATE_HEADER, set, setSize);
  memory.fill(state + STATE_HEADER + setSize, 0, transitions);
  store<usize>(slot, state);
  return state;
}

function hashSet(owner: u32, set: usize, setSize: usize): u32 {
  let hash: u64 = 0xcbf2_9ce4_8422_2325 ^ (<u64>owner);
  for (let at: usize = 0; at < setSize; at += 8) hash = (hash ^ load<u64>(set + at)) * 0x0000_0100_0000_01b3;
  return (<u32>(hash >> 32)) ^ (<u32>hash);
}
