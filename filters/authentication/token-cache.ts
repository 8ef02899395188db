import { xxHash64 } from "../lib/hash";
import { JsonValue, relocate } from "../lib/json";
import { Bytes, copyBytes } from "../sdk";
import { TokenRecord } from "./token-record";

/** Bytes of all records. A record of a token of 800 B takes about 2 KiB. */
const CAPACITY: u64 = 1 << 20;
/** A record above this is not kept, so that one giant cannot drive out all others. */
const MOST: usize = 16 * 1024;
/** Records that are next to be overwritten are no longer given out, so that the tokens of one request cannot overwrite each other's. */
const MARGIN: u64 = 8 * <u64>MOST;
const BUCKETS: u32 = 512;
const WAYS: u32 = 4;
const SLOT: usize = 16;
/** Bytes of a token that are hashed, its last ones: of a signature, so that nobody but its issuer can make two verified tokens that meet. */
const HASHED: i32 = 64;
const FIELDS: usize = (offsetof<TokenRecord>() + 7) & ~7;
const INDEX_SIZE: usize = <usize>BUCKETS * <usize>WAYS * SLOT;

/**
 * Verified tokens, found by a hash whose seed no client knows and then compared in full. Memory is one block, taken once:
 *
 * ```
 *   index: buckets of 4 x (hash, position)       log: records, the newest at `head`, around and around
 *   +------------------------------------+      +--------------------------------------+
 *   |                                    |      | newer ... | head -> oldest ...       |
 *   +------------------------------------+      +--------------------------------------+
 * ```
 *
 * Positions only grow, so that one tells by itself whether its record has been overwritten; nothing is ever deleted.
 */
@final
export class TokenCache {
  private block: usize = 0;
  /** Starts so that position 0, that of an empty slot, is past. */
  private head: u64 = 2 * CAPACITY;

  constructor(private readonly seed: u64) {}

  allocate(): void {
    this.block = heap.alloc(INDEX_SIZE + <usize>CAPACITY);
    memory.fill(this.block, 0, INDEX_SIZE);
  }

  free(): void {
    if (this.block != 0) heap.free(this.block);
    this.block = 0;
  }


  @inline
  hash(token: Bytes, location: i32): u64 {
    return xxHash64(token.slice(max(token.length - HASHED, 0)), this.seed + <u64>location);
  }

  find(hash: u64, token: Bytes, location: i32): TokenRecord | null {
    if (this.block == 0) return null;
    let slot = this.bucket(hash);
    for (let way: u32 = 0; way < WAYS; way++, slot += SLOT) {
      const position = load<u64>(slot, 8);
      if (load<u64>(slot) != hash || position + CAPACITY < this.head + MARGIN) continue;
      const record = this.at(position);
      if (record.location == location && record.token.equals(token)) return record;
    }
    return null;
  }

  /** Copies `record`. The oldest of its bucket, or of all, gives way. */
  insert(record: TokenRecord): void {
    const token = record.token;
    const tokenAt = FIELDS + aligned(record.partSize);
    const claimsAt = tokenAt + aligned(token.length);
    const whole = claimsAt + aligned(record.claimsLength);
    if (record.partSize == 0 || whole > MOST || this.block == 0) return;
    const offset = this.head % CAPACITY;
    if (offset + <u64>whole > CAPACITY) this.head += CAPACITY - offset;
    const position = this.head;
    this.head += <u64>whole;
    const kept = this.at(position);
    const start = changetype<usize>(kept);
    const shift = start + FIELDS - record.part;
    copyBytes(start, changetype<usize>(record), FIELDS);
    memory.copy(start + FIELDS, record.part, <usize>record.partSize);
    memory.copy(start + tokenAt, token.pointer, <usize>token.length);
    copyBytes(start + claimsAt, record.claims, <usize>record.claimsLength);
    kept.part += shift;
    kept.state.pointer += shift;
    kept.token.pointer = start + tokenAt;
    kept.claims = start + claimsAt;
    kept.payload = changetype<JsonValue>(changetype<usize>(record.payload) + shift);
    relocate(kept.payload, shift);
    let slot = this.bucket(record.hash);
    let oldest = slot;
    for (let way: u32 = 0; way < WAYS; way++, slot += SLOT) {
      if (load<u64>(slot) == record.hash) {
        oldest = slot;
        break;
      }
      if (load<u64>(slot, 8) < load<u64>(oldest, 8)) oldest = slot;
    }
    store<u64>(oldest, record.hash);
    store<u64>(oldest, position, 8);
  }


  @inline
  private bucket(hash: u64): usize {
    return this.block + <usize>((<u32>hash) & (BUCKETS - 1)) * <usize>WAYS * SLOT;
  }


  @inline
  private at(position: u64): TokenRecord {
    return changetype<TokenRecord>(this.block + INDEX_SIZE + <usize>(position % CAPACITY));
  }
}

// @ts-ignore: decorator
@inline
function aligned(size: i32): usize {
  return (<usize>size + 7) & ~7;
}
