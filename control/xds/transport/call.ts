import { status, type ServerDuplexStream } from "@grpc/grpc-js";
import type { Sink, XdsServer, XdsStream } from "../server/index.ts";
import type { Message } from "./message.ts";
import type { DiscoveryMethod } from "./services.ts";

/** A call of a service whose messages are encoded elsewhere. */
export type BytesCall = ServerDuplexStream<Buffer, Uint8Array>;

export type DiscoveryCall = ServerDuplexStream<Buffer, Message>;

/** Milliseconds for which a call that ended may take to send what it has. */
const FAREWELL = 1000;

/**
 * Joins a call of gRPC to a stream of the protocol.
 *
 * @param cut cuts the client's connection: of a client that does not read, and so never learns that its call has ended, and of one that has to show another certificate
 */
export function serveCall(server: XdsServer, { variant, typeUrl }: DiscoveryMethod, call: DiscoveryCall, cut: () => void): XdsStream {
  let over = false;
  const sink: Sink = {
    send(body, nonce, sent) {
      if (!over) call.write({ body, nonce }, () => sent());
    },
    end(error) {
      if (over) return;
      if (error === undefined) call.end();
      // How a streaming handler of grpc-js ends a call with a status.
      else call.emit("error", { code: status[error.code], details: error.message });
      // A client would come again on the same connection, with the same certificate, for as long as that lasts.
      const another = error?.code === "UNAUTHENTICATED";
      setTimeout(() => (over && !another) || cut(), FAREWELL).unref();
    },
  };
  const credentials = call.getAuthContext();
  const stream = server.open({ variant, service: typeUrl, peer: call.getPeer(), credentials, sink });
  call.on("data", (bytes: Buffer) => {
    const pending = stream.receive(bytes);
    if (pending === undefined) return;
    call.pause();
    void pending.then(() => call.resume());
  });
  // The client will send nothing more. It gets nothing more either: without ACKs there is nothing to say.
  call.on("end", () => stream.end(undefined));
  call.on("cancelled", () => {
    over = true;
    stream.close();
  });
  return stream;
}
