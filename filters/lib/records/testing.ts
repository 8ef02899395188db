import { arena, Bytes } from "../bytes";
import { RecordTable } from ".";

// Flat functions for record-table.test.ts.

let table = new RecordTable(0, 8, 0);

export function create(limit: i32, seed: u64): void {
  table.clear();
  table = new RecordTable(limit, 8, seed);
}

export function length(): i32 {
  return table.length;
}

/** The record's number; -1 where there is none. */
export function find(pointer: usize, length: i32): i64 {
  arena.reset();
  const record = table.find(Bytes.view(pointer, length));
  return record == 0 ? -1 : load<i64>(record);
}

/** Whether there was room. */
export function add(pointer: usize, length: i32, value: i64): bool {
  arena.reset();
  const record = table.add(Bytes.view(pointer, length));
  if (record == 0) return false;
  const wasZero = load<i64>(record) == 0;
  store<i64>(record, value);
  return wasZero;
}

export function clear(): void {
  table.clear();
}
