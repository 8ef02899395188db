import { Buffer, GrpcCallout, Bytes } from "../sdk";
import { CheckAnswer } from "./check-answer";
import { readCheckResponse } from "./check-response";
import { CustomStream } from "./custom-stream";
import { Limits } from "./limits";

export const SERVICE = Bytes.of("envoy.service.auth.v3.Authorization");
export const CHECK = Bytes.of("Check");

/** Asks a gRPC authoriser as Envoy's `ext_authz` does. */
@final
export class GrpcCheck extends GrpcCallout {
  constructor(private readonly owner: CustomStream) {
    super();
  }

  onMessage(message: Buffer, size: i32): void {
    const bytes = size <= Limits.ANSWER ? message.get() : null;
    this.owner.onAnswer(bytes != null ? readCheckResponse(bytes) : CheckAnswer.create());
  }

  onClose(status: u32): void {
    this.owner.onAnswer(CheckAnswer.create());
  }
}
