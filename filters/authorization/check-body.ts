import { arena, Bytes } from "../sdk";

/** What an authoriser gets of a body. In the arena. */
@unmanaged
@final
export class CheckBody {
  bytes: Bytes;
  /** Bytes that have come so far; there may be more of them than it gets. */
  size: i32;
  isPartial: bool;
  /** Over gRPC: it goes as bytes, not as text. */
  isRaw: bool;

  static of(bytes: Bytes, size: i32, isPartial: bool, isRaw: bool): CheckBody {
    const body = changetype<CheckBody>(arena.allocate(offsetof<CheckBody>()));
    body.bytes = bytes;
    body.size = size;
    body.isPartial = isPartial;
    body.isRaw = isRaw;
    return body;
  }
}
