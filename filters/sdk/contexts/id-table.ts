const INITIAL_CAPACITY: i32 = 64;

/**
 * Objects by a number that the host gives: streams by context id, callouts by token. Ids only grow, so `id & mask` spreads them evenly and
 * a look-up is nearly always one comparison, however many are live. Open addressing, at most half full; 0 is nobody's id.
 */
@final
export class IdTable<T> {
  private ids: StaticArray<u32> = new StaticArray<u32>(INITIAL_CAPACITY);
  private values: StaticArray<T | null> = new StaticArray<T | null>(INITIAL_CAPACITY);
  private mask: u32 = INITIAL_CAPACITY - 1;
  private count: i32 = 0;

  /** `limit`: how many entries at most; `set` refuses more. */
  constructor(private readonly limit: i32) {}

  get size(): i32 {
    return this.count;
  }

  /** Slots, each with an entry or none. Where one is deleted, its slot may hold another afterwards. */
  get slots(): i32 {
    return this.ids.length;
  }

  at(slot: i32): T | null {
    return unchecked(this.values[slot]);
  }

  /** 0 where the slot has none. */
  idAt(slot: i32): u32 {
    return unchecked(this.ids[slot]);
  }


  @inline
  get(id: u32): T | null {
    const slot = id & this.mask;
    if (unchecked(this.ids[slot]) == id) return unchecked(this.values[slot]);
    return this.probe(id, slot);
  }

  private probe(id: u32, start: u32): T | null {
    let slot = start;
    while (true) {
      const found = unchecked(this.ids[slot]);
      if (found == id) return unchecked(this.values[slot]);
      if (found == 0) return null;
      slot = (slot + 1) & this.mask;
    }
  }

  /** Returns `false` where the table is at its limit. */
  set(id: u32, value: T): bool {
    if (this.count * 2 >= this.ids.length) {
      if (this.count >= this.limit) return false;
      this.grow();
    }
    this.place(id, value);
    return true;
  }

  private place(id: u32, value: T): void {
    let slot = id & this.mask;
    while (unchecked(this.ids[slot]) != 0) {
      if (unchecked(this.ids[slot]) == id) {
        unchecked((this.values[slot] = value));
        return;
      }
      slot = (slot + 1) & this.mask;
    }
    unchecked((this.ids[slot] = id));
    unchecked((this.values[slot] = value));
    this.count++;
  }

  delete(id: u32): void {
    let slot = id & this.mask;
    while (unchecked(this.ids[slot]) != id) {
      if (unchecked(this.ids[slot]) == 0) return;
      slot = (slot + 1) & this.mask;
    }
    this.count--;
    // Entries behind the gap move up, so that no look-up stops short of them and no tombstones gather.
    let gap = slot;
    while (true) {
      slot = (slot + 1) & this.mask;
      const moved = unchecked(this.ids[slot]);
      if (moved == 0) break;
      if (((slot - (moved & this.mask)) & this.mask) >= ((slot - gap) & this.mask)) {
        unchecked((this.ids[gap] = moved));
        unchecked((this.values[gap] = this.values[slot]));
        gap = slot;
      }
    }
    unchecked((this.ids[gap] = 0));
    unchecked((this.values[gap] = null));
  }

  private grow(): void {
    const ids = this.ids;
    const values = this.values;
    const capacity = ids.length * 2;
    this.ids = new StaticArray<u32>(capacity);
    this.values = new StaticArray<T | null>(capacity);
    this.mask = capacity - 1;
    this.count = 0;
    for (let i = 0; i < ids.length; i++) {
      const id = unchecked(ids[i]);
      if (id != 0) this.place(id, values[i] as T);
    }
  }
}
