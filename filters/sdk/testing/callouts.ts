import { Buffer, Bytes, GrpcCallout, HttpCallout, HttpCalloutResponse, Text, statusMessage } from "..";
import { ActionsStream } from "./actions";

const STATUS = Text.of(":status");

/** Passes the request on with the answer's status, or answers 503 where there was none. */
@final
export class StatusCallout extends HttpCallout {
  constructor(private readonly owner: ActionsStream) {
    super();
  }

  onResponse(response: HttpCalloutResponse): void {
    const status = response.headers.get(STATUS.bytes);
    const body = response.body.get();
    this.owner.finish(status, body);
  }
}

/** Passes the request on with the message, or with the text of the failure. */
@final
export class MessageCallout extends GrpcCallout {
  constructor(private readonly owner: ActionsStream) {
    super();
  }

  onMessage(message: Buffer, size: i32): void {
    this.owner.finish(message.get(0, size), null);
  }

  onClose(status: u32): void {
    const message = statusMessage();
    this.owner.finish(Text.of(`status ${status}`).bytes, message);
  }
}
