import type { Writable } from "node:stream";
import { ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";

/** A response in two parts, of which the first is shared with other streams. */
export interface Message {
  readonly body: Uint8Array;
  readonly nonce: Uint8Array;
}

/** Of the five bytes before every message of gRPC the last four: its length. */
const LENGTH = 4;

/**
 * Sends the body of a message from where it lies. grpc-js 1.14 copies every message behind the five bytes of its head: a thousand proxies that get their first configuration at once would take gigabytes of
 * fresh memory, which costs more than to send them, and V8 looks for garbage all the time. So grpc-js is given a message that ends with the nonce (fields may have any order) and a head with the
 * length of the whole, and the body goes to the stream of HTTP/2 right behind it.
 */
export const shareBodies: ServerInterceptor = (_method, call) => {
  const stream = streamOf(call);
  if (stream === undefined) return new ServerInterceptingCall(call);
  return new ServerInterceptingCall(call, {
    sendMessage(message: unknown, next: (message: unknown) => void) {
      if (!isMessage(message)) return next(message);
      stream.cork();
      next(new Beginning(message));
      if (!stream.destroyed && !stream.writableEnded) stream.write(message.body);
      stream.uncork();
    },
  });
};

/** For grpc-js, which only ever asks for the length of what this gives, and has it copied. */
export function serialize(message: Message | Beginning): Buffer {
  return (message instanceof Beginning ? message : new Whole(message)) as unknown as Buffer;
}

/** All of a message but its body. */
class Beginning {
  readonly byteLength: number;
  private readonly message: Message;

  constructor(message: Message) {
    this.message = message;
    this.byteLength = message.nonce.length;
  }

  copy(target: Buffer, start: number): void {
    const { body, nonce } = this.message;
    target.writeUInt32BE(nonce.length + body.length, start - LENGTH);
    target.set(nonce, start);
  }
}

/** Where the stream of HTTP/2 is not to be had. */
class Whole {
  readonly byteLength: number;
  private readonly message: Message;

  constructor(message: Message) {
    this.message = message;
    this.byteLength = message.body.length + message.nonce.length;
  }

  copy(target: Buffer, start: number): void {
    target.set(this.message.nonce, start);
    target.set(this.message.body, start + this.message.nonce.length);
  }
}

function isMessage(message: unknown): message is Message {
  return typeof message === "object" && message !== null && "body" in message && "nonce" in message;
}

/** `BaseServerInterceptingCall` has it for itself. */
function streamOf(call: object): Writable | undefined {
  const { stream } = call as { readonly stream?: Writable };
  return typeof stream?.cork === "function" ? stream : undefined;
}
