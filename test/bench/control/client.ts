import { connect, type Socket } from "node:net";
import { fieldSize, writeFieldHead } from "../../../control/xds/server/wire.ts";
import { encodeHeaders } from "../client/hpack.ts";
import type { Variant } from "../../../control/xds/server/index.ts";
import { CLUSTER, ENDPOINT, LISTENER, resourceName, ROUTE, SCOPE } from "./resources.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const FRAME_HEADER = 9;
const TYPE = { data: 0, headers: 1, settings: 4, ping: 6, windowUpdate: 8 } as const;
const ACK = 1;
const END_HEADERS = 4;
const WINDOW = 0x7fff_0000;
const MAX_FRAME = 16_384;

/** What follows the first response of a type, as Envoy goes about it. */
const NEXT: Readonly<Record<string, readonly string[]>> = { [CLUSTER]: [ENDPOINT, LISTENER], [LISTENER]: [SCOPE], [SCOPE]: [ROUTE] };

/** Field numbers of `DeltaDiscoveryRequest`, `DiscoveryRequest` and both responses. */
const FIELDS = { delta: { node: 1, typeUrl: 2, names: 3, nonce: 6 }, sotw: { node: 2, typeUrl: 4, names: 3, nonce: 5 } } as const;
const RESPONSE = { typeUrl: 4, nonce: 5 };
const METHODS = { delta: "DeltaAggregatedResources", sotw: "StreamAggregatedResources" } as const;

/**
 * A proxy that accepts everything, on a connection of its own. It reads type and nonce of a response and nothing else, by hand: with a client of gRPC
 * the client would be what is measured.
 */
export class BenchClient implements Disposable {
  private readonly socket: Socket;
  private readonly requests: FirstRequests;
  private readonly begun = new Set<string>();
  private pending: Buffer[] = [];
  private pendingLength = 0;
  /** Of the gRPC message that is being received. */
  private message: Buffer[] = [];
  private messageLength = 0;

  private readonly answered: (typeUrl: string) => void;

  /**
   * @param requests the first of each type, see {@link firstRequests}
   * @param answered called with the type of every response, after its ACK was written
   */
  constructor(port: number, requests: FirstRequests, answered: (typeUrl: string) => void = () => {}) {
    this.requests = requests;
    this.answered = answered;
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("data", (chunk: Buffer) => this.receive(chunk));
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(4);
    settings.writeUInt32BE(WINDOW, 2);
    const window = Buffer.alloc(4);
    window.writeUInt32BE(WINDOW);
    this.socket.write(
      Buffer.concat([
        PREFACE,
        frame(TYPE.settings, 0, 0, settings),
        frame(TYPE.windowUpdate, 0, 0, window),
        frame(TYPE.headers, END_HEADERS, 1, HEADERS[requests.variant]),
      ]),
    );
    this.begin(CLUSTER);
  }

  [Symbol.dispose](): void {
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
    const bytes = Buffer.concat([head, message]);
    for (let at = 0; at < bytes.length; at += MAX_FRAME) this.socket.write(frame(TYPE.data, 0, 1, bytes.subarray(at, at + MAX_FRAME)));
  }

  private receive(chunk: Buffer): void {
    this.pending.push(chunk);
    this.pendingLength += chunk.length;
    if (this.pendingLength < FRAME_HEADER) return;
    const bytes = this.pending.length === 1 ? chunk : Buffer.concat(this.pending);
    let at = 0;
    for (; at + FRAME_HEADER <= bytes.length;) {
      const end = at + FRAME_HEADER + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      this.onFrame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, bytes.subarray(at + FRAME_HEADER, end));
      at = end;
    }
    this.pending = at < bytes.length ? [bytes.subarray(at)] : [];
    this.pendingLength = bytes.length - at;
  }

  private onFrame(type: number, flags: number, payload: Buffer): void {
    if (type === TYPE.data) this.onData(payload);
    else if ((flags & ACK) === 0 && (type === TYPE.settings || type === TYPE.ping)) {
      this.socket.write(frame(type, ACK, 0, type === TYPE.ping ? payload : Buffer.alloc(0)));
    }
  }

  private onData(payload: Buffer): void {
    this.message.push(payload);
    this.messageLength += payload.length;
    while (this.messageLength >= 5) {
      const first = this.message[0];
      const bytes = this.message.length === 1 && first !== undefined ? first : undefined;
      const head = bytes ?? Buffer.concat(this.message);
      const size = 5 + head.readUInt32BE(1);
      if (this.messageLength < size) {
        // Joined when it is complete, not with every frame.
        return;
      }
      this.onMessage(head.subarray(5, size));
      this.message = size < head.length ? [head.subarray(size)] : [];
      this.messageLength = head.length - size;
    }
  }

  private onMessage(bytes: Buffer): void {
    const { typeUrl, nonce } = readResponse(bytes);
    const { variant, byType } = this.requests;
    const { typeUrl: type, nonce: answered } = FIELDS[variant];
    // In the state of the world an answer names everything that is subscribed to.
    const request = variant === "sotw" ? (byType[typeUrl] ?? Buffer.alloc(0)) : text(type, typeUrl);
    this.send(Buffer.concat([request, text(answered, nonce)]));
    for (const next of NEXT[typeUrl] ?? []) if (!this.begun.has(next)) this.begin(next);
    this.answered(typeUrl);
  }
}

/** What a client says, encoded once. */
export interface FirstRequests {
  readonly variant: Variant;
  /** What the first request of all has in addition: the node. */
  readonly node: Buffer;
  /** The first request of each type: everything for the types with wildcards, else by name. */
  readonly byType: Readonly<Record<string, Buffer>>;
}

/** The first request of every type of so many services of {@link BenchSnapshot}. */
export function firstRequests(variant: Variant, services: number): FirstRequests {
  const names = (typeUrl: string) => Array.from({ length: services }, (_, index) => resourceName(typeUrl, index));
  return requestsFor("", { [ENDPOINT]: names(ENDPOINT), [ROUTE]: names(ROUTE) }, variant);
}

/** The first request of every type, of a node: everything for the types with wildcards, else by name. */
export function requestsFor(nodeId: string, names: Readonly<Record<string, readonly string[]>>, variant: Variant = "delta"): FirstRequests {
  const fields = FIELDS[variant];
  const request = (typeUrl: string) => [text(fields.typeUrl, typeUrl), ...(names[typeUrl] ?? []).map((name) => text(fields.names, name))];
  const types = [CLUSTER, ENDPOINT, LISTENER, SCOPE, ROUTE];
  const byType = Object.fromEntries(types.map((typeUrl) => [typeUrl, Buffer.concat(request(typeUrl))]));
  return { variant, node: bytes(fields.node, text(1, nodeId)), byType };
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

function readResponse(bytes: Buffer): { readonly typeUrl: string; readonly nonce: string } {
  let typeUrl = "";
  let nonce = "";
  for (let at = 0; at < bytes.length;) {
    const field = (bytes[at++] ?? 0) >> 3;
    let length = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    if (field === RESPONSE.typeUrl) typeUrl = bytes.toString("latin1", at, at + length);
    if (field === RESPONSE.nonce) nonce = bytes.toString("latin1", at, at + length);
    at += length;
  }
  return { typeUrl, nonce };
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
