import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "../../../envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import type { Sink, Variant, XdsError, XdsServer, XdsStream } from "../index.ts";
import type { TestClock } from "./clock.ts";

/** A response as a test wants to see it. */
export interface Response {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly version: string;
  /** Texts by name; a state-of-the-world response has them by position. */
  readonly resources: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
}

const NODE = { id: "test-proxy" };

/** A client without a network. It speaks through the generated code of Envoy's API, which the server does not use. */
export class TestClient {
  readonly stream: XdsStream;
  /** What came and was not yet taken by {@link take}. */
  readonly inbox: Response[] = [];
  ended: { readonly error: XdsError | undefined } | undefined;
  /** While it is false the transport keeps what it was given. */
  reads = true;
  private readonly unsent: (() => void)[] = [];
  private readonly clock: TestClock;
  private readonly variant: Variant;
  private greeted = false;

  constructor(server: XdsServer, clock: TestClock, variant: Variant, service?: string) {
    this.clock = clock;
    this.variant = variant;
    const sink: Sink = {
      send: (body, nonce, sent) => {
        this.inbox.push(decode(variant, Buffer.concat([body, nonce])));
        if (this.reads) clock.soon(sent);
        else this.unsent.push(sent);
      },
      end: (error) => void (this.ended = { error }),
    };
    this.stream = server.open({ variant, service, peer: "127.0.0.1:1", credentials: undefined, sink });
  }

  /** Sends a request; the first carries the node. */
  async send(
    request: MessageInitShape<typeof DeltaDiscoveryRequestSchema> | MessageInitShape<typeof DiscoveryRequestSchema>,
  ): Promise<this> {
    const node = this.greeted ? {} : { node: NODE };
    this.greeted = true;
    const bytes =
      this.variant === "delta"
        ? toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { ...node, ...(request as object) }))
        : toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { ...node, ...(request as object) }));
    await this.raw(bytes);
    return this;
  }

  async raw(bytes: Uint8Array): Promise<void> {
    await this.stream.receive(Buffer.from(bytes));
    this.clock.run();
  }

  /** Reads what the transport kept, and everything from now on. */
  resume(): void {
    this.reads = true;
    for (const sent of this.unsent.splice(0)) sent();
    this.clock.run();
  }

  /** What came since the last call. */
  take(): Response[] {
    this.clock.run();
    return this.inbox.splice(0);
  }

  /** The only response since the last call. Throws where there is none, or more. */
  one(): Response {
    const all = this.take();
    const [first] = all;
    if (first === undefined || all.length > 1) throw new Error(`${all.length} responses: ${JSON.stringify(all)}`);
    return first;
  }

  /** Accepts a response; in the state of the world with the names that are subscribed to. */
  async ack({ typeUrl, nonce, version }: Response, names: readonly string[] = []): Promise<void> {
    if (this.variant === "delta") await this.send({ typeUrl, responseNonce: nonce });
    else await this.send({ typeUrl, responseNonce: nonce, versionInfo: version, resourceNames: [...names] });
  }

  async nack({ typeUrl, nonce }: Response, message: string, names: readonly string[] = []): Promise<void> {
    const errorDetail = { code: 13, message };
    if (this.variant === "delta") await this.send({ typeUrl, responseNonce: nonce, errorDetail });
    else await this.send({ typeUrl, responseNonce: nonce, errorDetail, resourceNames: [...names] });
  }
}

function decode(variant: Variant, bytes: Uint8Array): Response {
  if (variant === "delta") {
    const { typeUrl, nonce, systemVersionInfo, resources, removedResources } = fromBinary(DeltaDiscoveryResponseSchema, bytes);
    for (const { resource } of resources)
      if (resource?.typeUrl !== typeUrl) throw new Error(`${resource?.typeUrl} in a response of ${typeUrl}`);
    const texts = resources.map(({ name, resource }) => [name, Buffer.from(resource?.value ?? []).toString()] as const);
    return { typeUrl, nonce, version: systemVersionInfo, resources: unique(texts), removed: removedResources };
  }
  const { typeUrl, nonce, versionInfo, resources } = fromBinary(DiscoveryResponseSchema, bytes);
  for (const resource of resources) if (resource.typeUrl !== typeUrl) throw new Error(`${resource.typeUrl} in a response of ${typeUrl}`);
  // Real messages hold their name; the texts of tests begin with it.
  const texts = resources.map(({ value }) => Buffer.from(value).toString()).map((text) => [text.split("=")[0] ?? "", text] as const);
  return { typeUrl, nonce, version: versionInfo, resources: unique(texts), removed: [] };
}

/** "It is an error for a server to send a single response that contains the same resource name twice." */
function unique(entries: ReadonlyArray<readonly [string, string]>): Readonly<Record<string, string>> {
  const record = Object.fromEntries(entries);
  if (Object.keys(record).length !== entries.length) throw new Error(`a name comes twice: ${entries.map(([name]) => name).join(", ")}`);
  return record;
}
