import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Client, credentials, type ChannelCredentials, type ClientDuplexStream, type StatusObject } from "@grpc/grpc-js";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
} from "../../../envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";

export const DELTA_ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
export const SOTW_ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

/** One call of a plain client of gRPC: bytes out, bytes in. */
export class RawCall implements Disposable {
  /** Code and details with which the call ended. */
  readonly status: Promise<StatusObject>;
  readonly received: Buffer[] = [];
  private readonly client: Client;
  private readonly call: ClientDuplexStream<Uint8Array, Buffer>;
  private waiting: (() => void)[] = [];

  /** @param where a port of the loopback interface, or a target of gRPC */
  constructor(where: number | string, path = DELTA_ADS, channel: ChannelCredentials = credentials.createInsecure()) {
    this.client = new Client(typeof where === "number" ? `127.0.0.1:${where}` : where, channel, {
      "grpc.use_local_subchannel_pool": 1,
    });
    this.call = this.client.makeBidiStreamRequest<Uint8Array, Buffer>(
      path,
      (bytes) => Buffer.from(bytes),
      (bytes) => bytes,
    );
    this.status = new Promise((resolve) => void this.call.on("status", resolve));
    this.call.on("error", () => undefined);
    this.call.on("data", (bytes: Buffer) => {
      this.received.push(bytes);
      for (const wake of this.waiting.splice(0)) wake();
    });
  }

  send(bytes: Uint8Array): void {
    this.call.write(bytes);
  }

  /** Reads no more. */
  pause(): void {
    this.call.pause();
  }

  halfClose(): void {
    this.call.end();
  }

  /** The next message that was not yet taken. */
  async next(): Promise<Buffer> {
    while (this.received.length === 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.received.shift() ?? Buffer.alloc(0);
  }

  [Symbol.dispose](): void {
    this.call.cancel();
    this.client.close();
  }
}

/** A client of incremental ADS, as anybody may write one with @grpc/grpc-js and generated code. */
export class DeltaCall extends RawCall {
  private readonly node: string;
  private greeted = false;

  constructor(where: number | string, node = "client", path = DELTA_ADS, channel?: ChannelCredentials) {
    super(where, path, channel);
    this.node = node;
  }

  request(init: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void {
    const message: DeltaDiscoveryRequest = create(DeltaDiscoveryRequestSchema, init);
    if (!this.greeted) message.node = create(DeltaDiscoveryRequestSchema, { node: { id: this.node } }).node;
    this.greeted = true;
    this.send(toBinary(DeltaDiscoveryRequestSchema, message));
  }

  async response(): Promise<DeltaDiscoveryResponse> {
    return fromBinary(DeltaDiscoveryResponseSchema, await this.next());
  }

  ack({ typeUrl, nonce }: DeltaDiscoveryResponse): void {
    this.request({ typeUrl, responseNonce: nonce });
  }

  nack({ typeUrl, nonce }: DeltaDiscoveryResponse, message: string): void {
    this.request({ typeUrl, responseNonce: nonce, errorDetail: { code: 3, message } });
  }
}
