import { fromBinary } from "@bufbuild/protobuf";
import { NodeSchema } from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import {
  XdsServer,
  type AnswerEvent,
  type ProxyGroup,
  type Refusal,
  type RefusalEvent,
  type SentEvent,
  type StreamLimits,
} from "../../server/index.ts";
import { TYPES, type MapSnapshot } from "../../server/testing/snapshot.ts";
import { XdsListener, type ListenOptions } from "../index.ts";

/** A control service that gives every proxy the same, with a record of what happened. */
export class TestControl implements AsyncDisposable {
  readonly server: XdsServer;
  readonly group: ProxyGroup;
  readonly listener: XdsListener;
  readonly sent: SentEvent[];
  readonly accepted: AnswerEvent[];
  readonly refused: RefusalEvent[];
  /** What the transport knew of each client. */
  readonly connections: unknown[];
  private snapshot: MapSnapshot;
  private versions = 1;

  private constructor(server: XdsServer, group: ProxyGroup, listener: XdsListener, snapshot: MapSnapshot, events: Events) {
    this.server = server;
    this.group = group;
    this.listener = listener;
    this.snapshot = snapshot;
    this.sent = events.sent;
    this.accepted = events.accepted;
    this.refused = events.refused;
    this.connections = events.connections;
  }

  static async start(
    snapshot: MapSnapshot,
    options: ListenOptions & { readonly limits?: Partial<StreamLimits> } = {},
  ): Promise<TestControl> {
    const events: Events = { sent: [], accepted: [], refused: [], connections: [] };
    const server: XdsServer = new XdsServer({
      types: TYPES,
      onConnect: ({ node, credentials }) => {
        events.connections.push(credentials);
        return { id: fromBinary(NodeSchema, node).id, group };
      },
      observer: {
        sent: (event) => void events.sent.push(event),
        accepted: (event) => void events.accepted.push(event),
        refused: (event) => void events.refused.push(event),
      },
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      identifier: "test",
    });
    const group = server.group(snapshot);
    const listener = await XdsListener.start(server, { port: 0, ...options });
    return new TestControl(server, group, listener, snapshot, events);
  }

  /** Replaces the resources of some types, and waits until every stream has accepted or refused them. */
  async push(byType: Parameters<MapSnapshot["with"]>[1]): Promise<void> {
    const { snapshot, changes } = this.snapshot.with(String(++this.versions), byType);
    this.snapshot = snapshot;
    this.group.push(snapshot, changes);
    await this.settled();
  }

  /** Waits until at least one stream is there and all have answered. */
  async settled(timeout = 30_000): Promise<void> {
    for (const end = performance.now() + timeout; performance.now() < end; await new Promise((resolve) => setTimeout(resolve, 2))) {
      const streams = [...this.server.streams()];
      if (streams.length > 0 && streams.every((stream) => stream.settled)) return;
    }
    throw new Error(`not settled within ${timeout} ms: ${JSON.stringify(this.server.status(), undefined, 1)}`);
  }

  refusals(): Refusal[] {
    return this.server.status().flatMap(({ types }) => types.flatMap((type) => type.refused));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.end();
    await this.listener[Symbol.asyncDispose]();
  }
}

interface Events {
  readonly sent: SentEvent[];
  readonly accepted: AnswerEvent[];
  readonly refused: RefusalEvent[];
  readonly connections: unknown[];
}
