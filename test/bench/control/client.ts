import { connect, type Socket } from "node:net";
import { create, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { NodeSchema } from "../../../control/envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { fieldSize, writeFieldHead } from "../../../control/xds/server/wire.ts";
import { encodeHeaders } from "../client/hpack.ts";
import type { Variant } from "../../../control/xds/server/index.ts";
import { DiscoveryResponses, type ResponseHead } from "./discovery-responses.ts";
import { FRAME_HEADER, FrameReader } from "./frame-reader.ts";
import { SendWindow } from "./send-window.ts";
import { BY_NAME, CLUSTER, ENDPOINT, FILTER, LISTENER, ROUTE, SCOPE, TYPES } from "./types.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;
const INITIAL_WINDOW_SIZE = 4;
const WINDOW = 0x7fff_0000;
const MAX_FRAME = 16_384;
/** What has just come on any of the connections: it is read before the next one is. */
const INCOMING = Buffer.allocUnsafe(256 * 1024);

/** What follows the first response of a type, as Envoy goes about it. */
const NEXT: Readonly<Record<string, readonly string[]>> = {
  [CLUSTER]: [ENDPOINT, LISTENER],
  [LISTENER]: [SCOPE, FILTER],
  [SCOPE]: [ROUTE],
};

/** Field numbers of `DeltaDiscoveryRequest` and `DiscoveryRequest`. */
const FIELDS = { delta: { node: 1, typeUrl: 2, names: 3, nonce: 6 }, sotw: { node: 2, typeUrl: 4, names: 3, nonce: 5 } } as const;
/** Of `DiscoveryRequest`. */
const VERSION_INFO = 1;
const METHODS = { delta: "DeltaAggregatedResources", sotw: "StreamAggregatedResources" } as const;

/**
 * A proxy that accepts everything, on a connection of its own. It reads type and nonce of a response and nothing else, by hand: with a client of gRPC
 * the client would be what is measured.
 */
export class BenchClient implements Disposable {
  private readonly socket: Socket;
  private readonly requests: FirstRequests;
  private readonly begun = new Set<string>();
  private readonly window = new SendWindow((bytes) => this.write(bytes));
  private readonly responses = new DiscoveryResponses((head) => this.acknowledge(head));
  private readonly frames = new FrameReader({
    data: (piece) => this.responses.read(piece),
    frame: (type, flags, stream, payload) => this.onFrame(type, flags, stream, payload),
  });
  private readonly events: ClientEvents;
  private disposed = false;
  /** Bytes of HTTP/2 that the server sent. */
  received = 0;

  /** @param requests the first of each type, see {@link requestsFor} */
  constructor(port: number, requests: FirstRequests, events: ClientEvents) {
    this.requests = requests;
    this.events = events;
    const callback = (length: number) => {
      this.received += length;
      this.frames.read(INCOMING.subarray(0, length));
      return true;
    };
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true, onread: { buffer: INCOMING, callback } });
    this.socket.once("error", ({ message }) => this.lose(message));
    this.socket.once("close", () => this.lose("the server closed the connection"));
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(4);
    settings.writeUInt32BE(WINDOW, 2);
    const window = Buffer.alloc(4);
    window.writeUInt32BE(WINDOW);
    this.socket.write(
      Buffer.concat([
        PREFACE,
        frame(FRAME.settings, 0, 0, settings),
        frame(FRAME.windowUpdate, 0, 0, window),
        frame(FRAME.headers, END_HEADERS, 1, HEADERS[requests.variant]),
      ]),
    );
    this.begin(CLUSTER);
  }

  [Symbol.dispose](): void {
    this.disposed = true;
    this.socket.destroy();
  }

  private begin(typeUrl: string): void {
    this.begun.add(typeUrl);
    const { node, byType } = this.requests;
    const request = byType[typeUrl] ?? Buffer.alloc(0);
    this.send(typeUrl === CLUSTER ? Buffer.concat([node, request]) : request);
  }

  private send(message: Buffer): void {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    this.window.send(Buffer.concat([head, message]));
  }

  private write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += MAX_FRAME) this.socket.write(frame(FRAME.data, 0, 1, bytes.subarray(at, at + MAX_FRAME)));
  }

  private onFrame(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === FRAME.windowUpdate) this.window.widen(stream, payload.readUInt32BE(0));
    else if (type === FRAME.settings && (flags & ACK) === 0) {
      for (let at = 0; at < payload.length; at += 6) {
        if (payload.readUInt16BE(at) === INITIAL_WINDOW_SIZE) this.window.begin(payload.readUInt32BE(at + 2));
      }
      this.socket.write(frame(type, ACK, 0, Buffer.alloc(0)));
    } else if (type === FRAME.ping && (flags & ACK) === 0) this.socket.write(frame(type, ACK, 0, payload));
    else if (type === FRAME.goAway) this.lose(`the server ended the connection with error ${payload.readUInt32BE(4)} of HTTP/2`);
    else if (type === FRAME.reset) this.lose(`the server ended the stream with error ${payload.readUInt32BE(0)} of HTTP/2`);
    else if (type === FRAME.headers && (flags & END_STREAM) !== 0) this.lose("the server ended the call");
  }

  private lose(reason: string): void {
    if (this.disposed) return;
    this[Symbol.dispose]();
    this.events.lost(reason);
  }

  private acknowledge({ version, typeUrl, nonce }: ResponseHead): void {
    const { variant, byType } = this.requests;
    const { typeUrl: type, nonce: answered } = FIELDS[variant];
    // In the state of the world an answer names everything that is subscribed to, and the version that is accepted.
    const request = variant === "sotw" ? [text(VERSION_INFO, version), byType[typeUrl] ?? Buffer.alloc(0)] : [text(type, typeUrl)];
    this.send(Buffer.concat([...request, text(answered, nonce)]));
    for (const next of NEXT[typeUrl] ?? []) if (byType[next] !== undefined && !this.begun.has(next)) this.begin(next);
    this.events.answered(typeUrl);
  }
}

/** What a client tells of itself. */
export interface ClientEvents {
  /** A response of this type has come, and its ACK was written. */
  answered(typeUrl: string): void;
  /** The server has ended the stream, or something else has: nothing more comes. */
  lost(reason: string): void;
}

/** What a client says, encoded once. */
export interface FirstRequests {
  readonly variant: Variant;
  /** What the first request of all has in addition: the node. */
  readonly node: Buffer;
  /** The first request of each type: everything for the types with wildcards, else by name. */
  readonly byType: Readonly<Record<string, Buffer>>;
}

/** The first request of every type, of a node: everything for the types with wildcards, else by name. */
export function requestsFor(
  nodeId: string,
  names: Readonly<Record<string, readonly string[]>>,
  variant: Variant = "delta",
  metadata: JsonObject = {},
): FirstRequests {
  const fields = FIELDS[variant];
  const request = (typeUrl: string) => [text(fields.typeUrl, typeUrl), ...(names[typeUrl] ?? []).map((name) => text(fields.names, name))];
  const types = [...TYPES, ...BY_NAME.filter((typeUrl) => typeUrl in names)];
  const byType = Object.fromEntries(types.map((typeUrl) => [typeUrl, Buffer.concat(request(typeUrl))]));
  return { variant, node: bytes(fields.node, Buffer.from(toBinary(NodeSchema, create(NodeSchema, { id: nodeId, metadata })))), byType };
}

const HEADERS = { delta: headers(METHODS.delta), sotw: headers(METHODS.sotw) };

function headers(method: string): Uint8Array {
  return encodeHeaders([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`],
    [":authority", "control"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ]).first;
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value));
}

function bytes(field: number, value: Buffer): Buffer {
  const whole = Buffer.alloc(fieldSize(value.length));
  value.copy(whole, writeFieldHead(whole, 0, field, value.length));
  return whole;
}

/** RFC 9113, section 4.1. */
function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEADER);
  return bytes;
}
