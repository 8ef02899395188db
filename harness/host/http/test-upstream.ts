import { ByteBuffer } from "../byte-buffer.ts";
import type { HeaderMap } from "../header-map.ts";
import type { DataStatus, HeadersStatus, HttpFilter, TrailersStatus } from "./filter.ts";
import type { Outlet } from "./outlet.ts";

/** The terminal filter of a test's chain: keeps what reached the upstream. */
export class TestUpstream implements HttpFilter {
  readonly name = "test-upstream";
  headers: HeaderMap | undefined;
  readonly body = new ByteBuffer();
  trailers: HeaderMap | undefined;
  readonly metadata: HeaderMap[] = [];
  complete = false;
  /** Through which the body comes where the upstream may stop reading. */
  outlet: Outlet | undefined;

  setCallbacks(): void {}

  decodeHeaders(headers: HeaderMap, endStream: boolean): HeadersStatus {
    this.headers = headers;
    this.complete = endStream;
    return "stop-iteration";
  }

  decodeData(data: ByteBuffer, endStream: boolean): DataStatus {
    if (this.outlet === undefined) this.body.move(data);
    else this.outlet.write(data);
    this.complete = endStream;
    return "stop-no-buffer";
  }

  decodeTrailers(trailers: HeaderMap): TrailersStatus {
    this.trailers = trailers;
    this.complete = true;
    return "stop-iteration";
  }

  decodeMetadata(metadata: HeaderMap): void {
    this.metadata.push(metadata);
  }

  encodeHeaders(): HeadersStatus {
    return "continue";
  }

  encodeData(): DataStatus {
    return "continue";
  }

  encodeTrailers(): TrailersStatus {
    return "continue";
  }

  log(): void {}

  onDestroy(): void {}
}
