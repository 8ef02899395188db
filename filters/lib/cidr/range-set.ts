import { Bytes } from "../bytes";
import { Address, highMask, IPV4, lowMask } from "./address";
import { Range } from "./range";

/** The first and the last address of a stretch, while a set is built. */
class Interval {
  constructor(
    public startHigh: u64,
    public startLow: u64,
    public endHigh: u64,
    public endLow: u64,
  ) {}
}

/**
 * Many ranges, searched in logarithmic time. Ranges that overlap or touch become one interval; a lookup is a binary search over the
 * intervals of its IP version. Built at configuration time:
 *
 * ```
 * const set = new RangeSet();
 * if (!set.add(text)) return false; // neither an address nor a range
 * set.build();
 * ```
 *
 * Memory: 32 bytes for an interval.
 */
@final
export class RangeSet {
  private pending4: Interval[] = [];
  private pending6: Interval[] = [];
  private table4: StaticArray<u64> = new StaticArray<u64>(0);
  private table6: StaticArray<u64> = new StaticArray<u64>(0);

  /** Adds an address or a CIDR range; false where `text` is neither. It counts from the next {@link build} on. */
  add(text: Bytes): bool {
    const range = Range.parse(text);
    if (range == null) return false;
    const start = range.address;
    const bits = range.prefixLength + (start.version == IPV4 ? 96 : 0);
    const interval = new Interval(start.high, start.low, start.high | ~highMask(bits), start.low | ~lowMask(bits));
    if (start.version == IPV4) this.pending4.push(interval);
    else this.pending6.push(interval);
    return true;
  }

  /** Sorts and joins what was added. May be called again after more was added. */
  build(): void {
    this.table4 = tableOf(this.pending4);
    this.table6 = tableOf(this.pending6);
  }

  /** How many disjoint intervals there are. */
  get size(): i32 {
    return (this.table4.length + this.table6.length) / 4;
  }

  /** Whether any range contains `address`. */
  contains(address: Address): bool {
    const table = address.version == IPV4 ? this.table4 : this.table6;
    const base = changetype<usize>(table);
    // The interval sought is the last one that does not start behind the address: everything below `low` starts at or before it.
    let low = 0;
    let high = table.length >> 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = base + ((<usize>middle) << 5);
      if (isAfter(load<u64>(entry), load<u64>(entry, 8), address.high, address.low)) high = middle;
      else low = middle + 1;
    }
    if (low == 0) return false;
    const entry = base + ((<usize>(low - 1)) << 5);
    return !isAfter(address.high, address.low, load<u64>(entry, 16), load<u64>(entry, 24));
  }
}

function tableOf(intervals: Interval[]): StaticArray<u64> {
  sort(intervals);
  const joined: Interval[] = [];
  for (let i = 0; i < intervals.length; i++) {
    const next = intervals[i];
    const last = joined.length > 0 ? joined[joined.length - 1] : null;
    if (last != null && reaches(last, next)) {
      if (isAfter(next.endHigh, next.endLow, last.endHigh, last.endLow)) {
        last.endHigh = next.endHigh;
        last.endLow = next.endLow;
      }
    } else {
      joined.push(new Interval(next.startHigh, next.startLow, next.endHigh, next.endLow));
    }
  }
  const table = new StaticArray<u64>(joined.length * 4);
  for (let i = 0; i < joined.length; i++) {
    const interval = joined[i];
    table[i * 4] = interval.startHigh;
    table[i * 4 + 1] = interval.startLow;
    table[i * 4 + 2] = interval.endHigh;
    table[i * 4 + 3] = interval.endLow;
  }
  return table;
}

/** By where they begin; Shell's way, because that of the standard library would be a kilobyte of the module. */
function sort(intervals: Interval[]): void {
  for (let gap = intervals.length >> 1; gap > 0; gap >>= 1) {
    for (let i = gap; i < intervals.length; i++) {
      const moved = intervals[i];
      let at = i;
      for (; at >= gap; at -= gap) {
        const before = intervals[at - gap];
        if (compare(before.startHigh, before.startLow, moved.startHigh, moved.startLow) <= 0) break;
        intervals[at] = before;
      }
      intervals[at] = moved;
    }
  }
}

/** Whether `next` begins within `last` or right behind its end. */
function reaches(last: Interval, next: Interval): bool {
  const endLow = last.endLow + 1;
  const endHigh = last.endHigh + <u64>(endLow == 0);
  // The end is the very last address: one behind it is 0 again, and everything is within.
  if (endLow == 0 && endHigh == 0) return true;
  return !isAfter(next.startHigh, next.startLow, endHigh, endLow);
}

function isAfter(leftHigh: u64, leftLow: u64, rightHigh: u64, rightLow: u64): bool {
  return leftHigh > rightHigh || (leftHigh == rightHigh && leftLow > rightLow);
}

function compare(leftHigh: u64, leftLow: u64, rightHigh: u64, rightLow: u64): i32 {
  if (leftHigh == rightHigh && leftLow == rightLow) return 0;
  return isAfter(leftHigh, leftLow, rightHigh, rightLow) ? 1 : -1;
}
