import { create, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ControlService } from "./control-service.ts";
import { ClusterLoadAssignmentSchema } from "./envoy-api/generated/envoy/config/endpoint/v3/endpoint_pb.ts";
import { ListenerSchema } from "./envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from "./envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { typeUrl } from "./envoy-api/index.ts";
import { NodeSchema } from "./envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { DRAINING_TYPE } from "./model/index.ts";
import { MemorySource } from "./sources/memory/index.ts";

const CALLER = "sidecar~10.0.0.9~web.default~default.svc.cluster.local";
const HOST = (index: number) => `sidecar~10.0.0.${index}~reviews-${index}.default~default.svc.cluster.local`;
const GATEWAY = "router~10.0.0.8~edge.default~default.svc.cluster.local";
const CLUSTER = "outbound|80||reviews.default.svc.cluster.local";
const [ENDPOINTS, LISTENERS] = [typeUrl(ClusterLoadAssignmentSchema), typeUrl(ListenerSchema)];

const entry = (index: number) => `---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: reviews-${index} }
spec: { address: 10.0.0.${index}, labels: { app: reviews }, serviceAccount: reviews }
`;
const service = `
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 80 }] }
`;

function started(hosts: readonly number[]): Promise<ControlService> {
  return ControlService.start({ sources: [new MemorySource({ "a.yaml": service + hosts.map(entry).join("") })] });
}

/** A stream without a network, of an Envoy or of who stands beside one. */
class Stream {
  readonly responses: DeltaDiscoveryResponse[] = [];
  private readonly stream: ReturnType<ControlService["xds"]["open"]>;
  private node: MessageShape<typeof NodeSchema> | undefined;

  constructor(control: ControlService, id: string, serviceAccount = "reviews") {
    this.node = create(NodeSchema, { id, metadata: { SERVICE_ACCOUNT: serviceAccount } });
    const sink = {
      send: (body: Buffer, nonce: Buffer, sent: () => void) => {
        this.responses.push(fromBinary(DeltaDiscoveryResponseSchema, Buffer.concat([body, nonce])));
        sent();
      },
      end: () => undefined,
    };
    this.stream = control.xds.open({ variant: "delta", service: undefined, peer: "127.0.0.1:1", credentials: undefined, sink });
  }

  async send(request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): Promise<void> {
    const message = create(DeltaDiscoveryRequestSchema, request);
    if (this.node !== undefined) message.node = this.node;
    this.node = undefined;
    const bytes = toBinary(DeltaDiscoveryRequestSchema, message);
    await this.stream.receive(Buffer.from(bytes));
  }

  /** Accepts what came last. */
  async accept(): Promise<void> {
    const { typeUrl: type, nonce: responseNonce } = this.responses.at(-1) ?? expect.unreachable();
    await this.send({ typeUrl: type, responseNonce });
  }

  close(): void {
    this.stream.close();
  }

  /** Hosts as it was last told of them. */
  get hosts(): readonly string[] {
    const value = this.responses.findLast(({ typeUrl: type }) => type === ENDPOINTS)?.resources[0]?.resource?.value;
    return fromBinary(ClusterLoadAssignmentSchema, value ?? new Uint8Array()).endpoints.flatMap(({ lbEndpoints }) =>
      lbEndpoints.map(({ hostIdentifier: { value: host } }) =>
        typeof host === "object" && host.address?.address.case === "socketAddress" ? host.address.address.value.address : "",
      ),
    );
  }
}

async function caller(control: ControlService): Promise<Stream> {
  const stream = new Stream(control, CALLER, "web");
  await stream.send({ typeUrl: ENDPOINTS, resourceNamesSubscribe: [CLUSTER] });
  await expect.poll(() => stream.hosts).not.toEqual([]);
  await stream.accept();
  return stream;
}

/** An Envoy that has accepted its listeners. */
async function serving(control: ControlService, id: string, account?: string): Promise<Stream> {
  const stream = new Stream(control, id, account);
  await stream.send({ typeUrl: LISTENERS, resourceNamesSubscribe: ["*"] });
  await expect.poll(() => stream.responses).toHaveLength(1);
  await stream.accept();
  return stream;
}

async function agent(control: ControlService, id: string, account?: string): Promise<Stream> {
  const stream = new Stream(control, id, account);
  await stream.send({ typeUrl: DRAINING_TYPE });
  return stream;
}

const pause = () => new Promise((resolve) => setImmediate(resolve));

describe("a proxy that drains", () => {
  test("is no host of its callers any more, and is answered when they have accepted that", async () => {
    await using control = await started([1, 2]);
    const web = await caller(control);
    await serving(control, HOST(1));
    const one = await agent(control, HOST(1));
    await expect.poll(() => web.hosts).toEqual(["10.0.0.2"]);
    await pause();
    expect(one.responses).toEqual([]);
    await web.accept();
    await expect.poll(() => one.responses.map(({ typeUrl: type, resources }) => [type, resources.length])).toEqual([[DRAINING_TYPE, 0]]);
  });

  test("is answered when the last caller that has not accepted it is gone", async () => {
    await using control = await started([1, 2]);
    const web = await caller(control);
    await serving(control, HOST(1));
    const one = await agent(control, HOST(1));
    await expect.poll(() => web.hosts).toEqual(["10.0.0.2"]);
    web.close();
    await expect.poll(() => one.responses).toHaveLength(1);
  });

  test("is a host again when another Envoy has accepted its listeners, and not when one has connected alone", async () => {
    await using control = await started([1, 2]);
    const web = await caller(control);
    const first = await serving(control, HOST(1));
    const one = await agent(control, HOST(1));
    await expect.poll(() => web.hosts).toEqual(["10.0.0.2"]);
    await web.accept();
    first.close();
    one.close();
    const next = new Stream(control, HOST(1));
    await next.send({ typeUrl: LISTENERS, resourceNamesSubscribe: ["*"] });
    await expect.poll(() => next.responses).toHaveLength(1);
    await pause();
    expect(web.hosts).toEqual(["10.0.0.2"]);
    await next.accept();
    await expect.poll(() => web.hosts).toEqual(["10.0.0.1", "10.0.0.2"]);
  });

  test("stays out while its agent's stream is there, whatever its Envoy does, and comes back where that ends and an Envoy serves", async () => {
    await using control = await started([1, 2]);
    const web = await caller(control);
    const first = await serving(control, HOST(1));
    const one = await agent(control, HOST(1));
    await expect.poll(() => web.hosts).toEqual(["10.0.0.2"]);
    await web.accept();
    first.close();
    await serving(control, HOST(1));
    await pause();
    expect(web.hosts).toEqual(["10.0.0.2"]);
    one.close();
    await expect.poll(() => web.hosts).toEqual(["10.0.0.1", "10.0.0.2"]);
  });

  test("takes requests where nobody else does, and is answered at once", async () => {
    await using control = await started([1]);
    const web = await caller(control);
    await serving(control, HOST(1));
    const one = await agent(control, HOST(1));
    await expect.poll(() => one.responses).toHaveLength(1);
    expect(web.hosts).toEqual(["10.0.0.1"]);
  });

  test("that is a gateway is answered at once", async () => {
    await using control = await started([1, 2]);
    await serving(control, GATEWAY);
    await expect.poll(async () => (await agent(control, GATEWAY)).responses).toHaveLength(1);
  });

  test("takes no host away that is not its own: one of another account at the same address", async () => {
    await using control = await started([1, 2]);
    const web = await caller(control);
    const stranger = HOST(1).replace("reviews-1", "stranger");
    await serving(control, HOST(1));
    await serving(control, stranger, "stranger");
    const other = await agent(control, stranger, "stranger");
    await expect.poll(() => other.responses).toHaveLength(1);
    expect(web.hosts).toEqual(["10.0.0.1", "10.0.0.2"]);
  });
});
