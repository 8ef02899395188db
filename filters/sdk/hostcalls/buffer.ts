import { Bytes } from "../../lib/bytes";
import { BufferType, Status } from "../abi/enums";
import { proxy_get_buffer_bytes, proxy_get_buffer_status, proxy_set_buffer_bytes } from "../abi/hostcalls";
import { RESULT, resultPointer, resultSize, resultU32 } from "../abi/results";

/**
 * A buffer of the current context: a body, TCP data, the answer of a callout. What a body callback sees is what arrived since the
 * last `Continue`, with everything before it where the filter answered `StopIterationAndBuffer`.
 */
@final
export class Buffer {
  constructor(private readonly bufferType: BufferType) {}

  /** Bytes in the buffer; 0 where it does not exist at this time. */
  get size(): i32 {
    return proxy_get_buffer_status(this.bufferType, RESULT, RESULT + 4) == 0 ? <i32>resultU32() : 0;
  }

  /** A copy of the part from `start`, at most `length` bytes; `null` where there is no buffer. */
  get(start: i32 = 0, length: i32 = i32.MAX_VALUE): Bytes | null {
    if (proxy_get_buffer_bytes(this.bufferType, <u32>start, <u32>length, RESULT, RESULT + 4) != 0) return null;
    return Bytes.view(resultPointer(), resultSize());
  }

  /**
   * Replaces the part `[start, start + length)`. `set(0, i32.MAX_VALUE, data)` replaces everything, `set(0, 0, data)` puts data in front.
   * A `content-length` must have been removed in the headers callback.
   */
  set(start: i32, length: i32, data: Bytes): Status {
    return proxy_set_buffer_bytes(this.bufferType, <u32>start, <u32>length, data.pointer, <usize>data.length);
  }


  @inline
  replaceAll(data: Bytes): Status {
    return this.set(0, i32.MAX_VALUE, data);
  }

  append(data: Bytes): Status {
    return this.set(this.size, 0, data);
  }
}

export const requestBody = new Buffer(BufferType.HttpRequestBody);
export const responseBody = new Buffer(BufferType.HttpResponseBody);
export const downstreamData = new Buffer(BufferType.NetworkDownstreamData);
export const upstreamData = new Buffer(BufferType.NetworkUpstreamData);
