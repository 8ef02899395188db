import { arena, Bytes } from "../../lib/bytes";
import { ProtobufWriter } from "../../lib/protobuf";
import { BufferType, HeaderMapType, Status } from "../abi/enums";
import { proxy_grpc_call, proxy_grpc_cancel, proxy_grpc_close, proxy_grpc_send, proxy_grpc_stream } from "../abi/hostcalls";
import { RESULT, resultU32 } from "../abi/results";
import { Root } from "../contexts/root";
import { Stream } from "../contexts/stream";
import { Buffer } from "../hostcalls/buffer";
import { HeaderMap } from "../hostcalls/header-map";
import { HeaderPairs } from "../hostcalls/header-pairs";
import { Callout } from "./callout";
import { settle, track } from "./pending";

const initialMetadata = new HeaderMap(HeaderMapType.GrpcReceiveInitialMetadata);
const trailingMetadata = new HeaderMap(HeaderMapType.GrpcReceiveTrailingMetadata);
const message = new Buffer(BufferType.GrpcReceiveBuffer);

/** A gRPC call, unary or streaming. Used as an {@link HttpCallout} is: one object, sent again and again. */
export abstract class GrpcCallout extends Callout {
  /** @internal A unary call is over with its message; Envoy reports no close after it. */
  unary: bool = false;

  /** A message came. */
  abstract onMessage(message: Buffer, size: i32): void;

  /** The call failed, or the stream ended. `status` is gRPC's; `statusMessage()` has the text. A unary call that succeeded has no close. */
  abstract onClose(status: u32): void;

  onInitialMetadata(metadata: HeaderMap): void {}

  onTrailingMetadata(metadata: HeaderMap): void {}

  /** Sends one message and waits for one, for `stream` or, where that is `null`, for `root`. `false`: not sent, and no callback follows. */
  call(
    stream: Stream | null,
    root: Root,
    cluster: Bytes,
    service: Bytes,
    method: Bytes,
    request: Bytes,
    timeoutMilliseconds: u32,
    metadata: HeaderPairs | null = null,
  ): bool {
    const target = grpcService(cluster);
    const pairs = metadata != null ? metadata : HeaderPairs.create();
    const status = proxy_grpc_call(
      target.pointer,
      <usize>target.length,
      service.pointer,
      <usize>service.length,
      method.pointer,
      <usize>method.length,
      pairs.pointer,
      pairs.size,
      request.pointer,
      <usize>request.length,
      timeoutMilliseconds,
      RESULT,
    );
    this.unary = true;
    return status == 0 && track(this, resultU32(), stream, root);
  }

  /** Opens a stream of messages. `false`: not opened, and no callback follows. */
  open(stream: Stream | null, root: Root, cluster: Bytes, service: Bytes, method: Bytes, metadata: HeaderPairs | null = null): bool {
    const target = grpcService(cluster);
    const pairs = metadata != null ? metadata : HeaderPairs.create();
    const status = proxy_grpc_stream(
      target.pointer,
      <usize>target.length,
      service.pointer,
      <usize>service.length,
      method.pointer,
      <usize>method.length,
      pairs.pointer,
      pairs.size,
      RESULT,
    );
    this.unary = false;
    return status == 0 && track(this, resultU32(), stream, root);
  }

  /** Sends a message on an open stream. */
  sendMessage(payload: Bytes, endStream: bool = false): Status {
    if (this.token == 0) return Status.NotFound;
    return proxy_grpc_send(this.token, payload.pointer, <usize>payload.length, endStream ? 1 : 0);
  }

  /** Ends this side of an open stream; messages may still come. */
  close(): Status {
    return this.token != 0 ? proxy_grpc_close(this.token) : Status.NotFound;
  }

  /** Gives the call up; no callback follows. */
  cancel(): void {
    const token = this.token;
    if (token == 0) return;
    settle(token, this);
    proxy_grpc_cancel(token);
  }

  /** @internal */
  receiveInitialMetadata(): void {
    this.onInitialMetadata(initialMetadata);
  }

  /** @internal */
  receiveMessage(size: i32): void {
    this.onMessage(message, size);
  }

  /** @internal */
  receiveTrailingMetadata(): void {
    this.onTrailingMetadata(trailingMetadata);
  }
}

// envoy.config.core.v3.GrpcService { envoy_grpc { cluster_name, authority } }
const ENVOY_GRPC: u32 = 1;
const CLUSTER_NAME: u32 = 1;
const AUTHORITY: u32 = 2;
const BAR: u8 = 0x7c;

/** The service that Envoy calls. Envoy parses it in preference to a bare cluster name. */
function grpcService(cluster: Bytes): Bytes {
  const writer = ProtobufWriter.create(<usize>cluster.length * 3 + 16);
  if (cluster.indexOf(BAR) >= 0) writer.bytes(AUTHORITY, authorityOf(cluster));
  writer.bytes(CLUSTER_NAME, cluster);
  writer.message(ENVOY_GRPC, 0);
  return writer.written;
}

/**
 * Envoy would make the name of the cluster the `:authority`; servers refuse one with the bars of Istio's names (`outbound|80||host`). Istio itself writes
 * `_.` for each.
 */
function authorityOf(cluster: Bytes): Bytes {
  const start = arena.allocate(<usize>cluster.length * 2);
  let at = start;
  for (let i = 0; i < cluster.length; i++) {
    const byte = cluster[i];
    if (byte == BAR) {
      store<u16>(at, 0x2e5f); // _.
      at += 2;
    } else {
      store<u8>(at++, byte);
    }
  }
  return Bytes.view(start, <i32>(at - start));
}
