import { arena, Bytes, copyBytes } from "../sdk";

/** Bytes of a value at most; what is longer is cut, so that names, and what is kept of them, stay bounded. */
export const MAX_LABEL: i32 = 256;
/** In the place of a length. */
const SAME: u16 = 0xffff;

/** The values of the slots of one request, in the arena. Those that nobody needs stay empty. */
@unmanaged
@final
export class Values {
  static create(slots: i32): Values {
    const values = arena.allocate((<usize>slots) << 3);
    memory.fill(values, 0, (<usize>slots) << 3);
    return changetype<Values>(values);
  }

  /** A view of the value itself, so that it costs nothing. */
  get(slot: i32): Bytes {
    return changetype<Bytes>(changetype<usize>(this) + ((<usize>slot) << 3));
  }

  set(slot: i32, value: Bytes): void {
    const at = changetype<usize>(this) + ((<usize>slot) << 3);
    store<usize>(at, value.pointer);
    store<i32>(at, min(value.length, MAX_LABEL), 4);
  }

  /**
   * All values in one piece, each with its length before it: what two requests of one series have in common. One that is the same piece of memory as the one before,
   * as those that nobody knows are, is a mark.
   */
  key(slots: i32): Bytes {
    let size = 0;
    for (let i = 0; i < slots; i++) size += this.get(i).length + 2;
    const start = arena.allocate(<usize>size);
    let at = start;
    let before: usize = 1;
    for (let i = 0; i < slots; i++) {
      const value = this.get(i);
      if (value.pointer == before && value.length == this.get(i - 1).length) {
        store<u16>(at, SAME);
        at += 2;
        continue;
      }
      before = value.pointer;
      store<u16>(at, <u16>value.length);
      copyBytes(at + 2, before, <usize>value.length);
      at += <usize>value.length + 2;
    }
    return Bytes.view(start, <i32>(at - start));
  }
}
