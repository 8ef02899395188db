import { parsedInteger, parseInteger } from "../lib/number";
import { HeaderMap } from "../sdk";
import { CONTENT_TYPE, GRPC_CONTENT_TYPE, GRPC_STATUS, STATUS } from "./headers";

/** What rules look at of one answer, besides its headers and body. One object of each stream, used again and again. */
@final
export class Answer {
  /** 0 where there is none. */
  status: i32 = 0;
  isGrpc: bool = false;
  /** -1 as long as none was seen. */
  grpcStatus: i32 = -1;
  /** Microseconds from the request's headers to those of the answer, at the end of the answer to its end. */
  latency: u64 = 0;

  reset(): void {
    this.status = 0;
    this.isGrpc = false;
    this.grpcStatus = -1;
    this.latency = 0;
  }

  /** Reads what the headers say. */
  begin(headers: HeaderMap): void {
    const status = headers.get(STATUS.bytes);
    this.status = status != null ? <i32>parseInteger(status) : 0;
    const contentType = headers.get(CONTENT_TYPE.bytes);
    this.isGrpc = contentType != null && contentType.startsWith(GRPC_CONTENT_TYPE.bytes);
    if (this.isGrpc) this.readGrpcStatus(headers);
  }

  /** From headers of an answer that has nothing else, or from trailers. */
  readGrpcStatus(headers: HeaderMap): void {
    const value = headers.get(GRPC_STATUS.bytes);
    if (value == null) return;
    const status = parseInteger(value);
    // One that is no number is UNKNOWN, as Envoy takes it (`Grpc::Common::getGrpcStatus`).
    this.grpcStatus = parsedInteger() && status >= 0 && status < 32 ? <i32>status : 2;
  }

  /** The HTTP status that `outlierDetection` counts: of gRPC the one that Envoy makes of its status (`Grpc::Utility::grpcToHttpStatus`). */
  get httpStatus(): i32 {
    if (this.grpcStatus < 0) return this.status;
    switch (this.grpcStatus) {
      case 2: // UNKNOWN
      case 13: // INTERNAL
      case 15: // DATA_LOSS
        return 500;
      case 4: // DEADLINE_EXCEEDED
        return 504;
      case 12: // UNIMPLEMENTED
        return 501;
      case 14: // UNAVAILABLE
        return 503;
      default:
        return this.status;
    }
  }
}
