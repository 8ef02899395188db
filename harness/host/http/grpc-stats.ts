import type { ByteBuffer } from "../byte-buffer.ts";
import type { HeaderMap } from "../header-map.ts";
import type { StreamInfo } from "../stream-info.ts";
import type { DataStatus, HeadersStatus, HttpFilter, TrailersStatus } from "./filter.ts";

const STATE = "envoy.filters.http.grpc_stats";

/**
 * Envoy's grpc_stats filter as far as other filters see it, with `emit_filter_state`: the number of messages that a gRPC request and its response have so
 * far, as filter state `request,response`.
 */
export class GrpcStats implements HttpFilter {
  readonly name = STATE;
  private readonly info: StreamInfo;
  private readonly request = new FrameCounter();
  private readonly response = new FrameCounter();
  private active = false;

  constructor(info: StreamInfo) {
    this.info = info;
  }

  setCallbacks(): void {}

  decodeHeaders(headers: HeaderMap): HeadersStatus {
    this.active = /^application\/grpc(\+|$)/.test(headers.get("content-type") ?? "");
    return "continue";
  }

  decodeData(data: ByteBuffer): DataStatus {
    return this.count(this.request, data);
  }

  decodeTrailers(): TrailersStatus {
    return "continue";
  }

  encodeHeaders(): HeadersStatus {
    return "continue";
  }

  encodeData(data: ByteBuffer): DataStatus {
    return this.count(this.response, data);
  }

  encodeTrailers(): TrailersStatus {
    return "continue";
  }

  log(): void {}

  onDestroy(): void {}

  private count(counter: FrameCounter, data: ByteBuffer): DataStatus {
    if (this.active && counter.add(data.bytes()) > 0) {
      this.info.filterState.set(STATE, { value: `${this.request.total},${this.response.total}`, readonly: false });
    }
    return "continue";
  }
}

/** Counts gRPC frames as they begin: a byte of flags, four of length, the message. */
class FrameCounter {
  total = 0;
  private readonly head: number[] = [];
  private left = 0;

  /** How many began in `bytes`. */
  add(bytes: Uint8Array): number {
    const before = this.total;
    for (let at = 0; at < bytes.length;) {
      if (this.left > 0) {
        const taken = Math.min(this.left, bytes.length - at);
        this.left -= taken;
        at += taken;
        continue;
      }
      if (this.head.length === 0) this.total++;
      this.head.push(bytes[at++] ?? 0);
      if (this.head.length < 5) continue;
      this.left = Buffer.from(this.head).readUInt32BE(1);
      this.head.length = 0;
    }
    return this.total - before;
  }
}
