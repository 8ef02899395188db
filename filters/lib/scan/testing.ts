import { arena, Bytes, Text } from "../bytes";
import { StreamSearch } from ".";

// Flat functions for scan.test.ts.

let search: StreamSearch = new StreamSearch(Text.of("x"));
let matched: i32 = 0;

export function look(pointer: usize, length: i32): void {
  search = new StreamSearch(Text.from(Bytes.view(pointer, length)));
  matched = 0;
}

/** Whether the text was found, now or in a piece before. */
export function piece(pointer: usize, length: i32): bool {
  arena.reset();
  matched = search.advance(matched, Bytes.view(pointer, length));
  return search.isFound(matched);
}
