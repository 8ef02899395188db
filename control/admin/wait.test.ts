import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, onTestFinished, test } from "vitest";
import { ControlService } from "../control-service.ts";
import { typeUrl } from "../envoy-api/index.ts";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from "../envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { ON_DEMAND_KEY } from "../model/index.ts";
import { MemorySource } from "../sources/memory/index.ts";
import { DELTA_ADS, RawCall } from "../xds/transport/testing/grpc-client.ts";
import { XdsListener } from "../xds/transport/index.ts";
import { XDS_TYPES } from "../xds/types/index.ts";
import { proxyStatus } from "./proxy-status.ts";
import { unaskedTypes } from "./unasked.ts";
import { lookAt, waitForProxies } from "./wait.ts";

const ID = "sidecar~10.0.0.9~client.default~default.svc.cluster.local";
/** Longer than any Envoy takes until it has asked for everything. */
const LATER = 15_000;

const mesh = (port: number) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: shop, namespace: default }
spec:
  hosts: [shop.example]
  ports: [{ name: http, number: ${port}, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop, namespace: default }
spec: { host: shop.example, trafficPolicy: { tls: { mode: SIMPLE, credentialName: shop } } }
`;

/** A control service and the stream of a proxy. */
async function serve(metadata: Readonly<Record<string, string>> = {}, yaml = mesh(80)) {
  const source = new MemorySource({ "mesh.yaml": yaml });
  const service = await ControlService.start({ sources: [source] });
  const xds = await XdsListener.start(service.xds, { port: 0 });
  const stream = new Stream(xds.port, metadata);
  onTestFinished(async () => {
    stream[Symbol.dispose]();
    await xds[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });
  /** Types that have no answer, or were not asked for. */
  const open = (later = 0) =>
    lookAt(service, Date.now() + later)
      .waiting.flatMap(({ types, unasked }) => [...types.map((type) => `${type} without an answer`), ...unasked])
      .sort();
  return { source, service, stream, open };
}

/** An Envoy's stream: it asks for one type after the other, and accepts all that comes. */
class Stream implements Disposable {
  private readonly call: RawCall;
  private node: object | undefined;

  constructor(port: number, metadata: Readonly<Record<string, string>>) {
    this.call = new RawCall(port, DELTA_ADS);
    this.node = { node: { id: ID, metadata } };
    void this.accept();
  }

  asks(type: string, ...names: readonly string[]): void {
    this.send({ typeUrl: urlOf(type), resourceNamesSubscribe: [...names] });
  }

  [Symbol.dispose](): void {
    this.call[Symbol.dispose]();
  }

  private async accept(): Promise<never> {
    for (;;) {
      const { typeUrl: url, nonce } = fromBinary(DeltaDiscoveryResponseSchema, await this.call.next());
      this.send({ typeUrl: url, responseNonce: nonce });
    }
  }

  private send(request: object): void {
    this.call.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { ...this.node, ...request })));
    this.node = undefined;
  }
}

const urlOf = (type: string) => XDS_TYPES.filter(({ name }) => name === type).map(({ schema }) => typeUrl(schema))[0] ?? type;
const filters = (service: ControlService) => [...(service.snapshotOf(ID)?.resources(urlOf("filter")).names() ?? [])];
const CLUSTER = "outbound|80||shop.example";

describe("a proxy that has answered everything is waited for", () => {
  test("until it has asked for what Envoy asks for next, and for what refers to others", async () => {
    const { service, stream, open } = await serve();
    stream.asks("cluster");
    await expect.poll(() => open()).toEqual(["endpoint", "listener", "secret"]);
    expect(await waitForProxies(service, 0)).toMatchObject({ converged: false });
    stream.asks("endpoint", CLUSTER);
    stream.asks("secret", "kubernetes://default/shop");
    await expect.poll(() => open()).toEqual(["listener"]);
    stream.asks("listener");
    await expect.poll(() => open()).toEqual(["filter", "scope"]);
    stream.asks("filter", ...filters(service));
    stream.asks("scope");
    await expect.poll(() => open()).toEqual(["route"]);
    stream.asks("route", "80.shop.example");
    await expect.poll(() => open()).toEqual([]);
    expect(await waitForProxies(service, 0)).toMatchObject({ converged: true });
  });

  test("not for what clusters refer to that it asks for when a request wants them", async () => {
    const { stream, open } = await serve({ [ON_DEMAND_KEY]: "true" });
    for (const type of ["cluster", "listener", "scope"]) stream.asks(type);
    await expect.poll(() => open()).toEqual(["filter", "route"]);
  });

  test("for clusters, where whoever stands beside it has asked for roots", async () => {
    const { service, stream, open } = await serve();
    service.trust(["a root"]);
    stream.asks("roots");
    await expect.poll(() => open()).toEqual(["cluster"]);
    expect(open(LATER)).toEqual([]);
  });

  test("no longer than Envoys take until they have asked: its bootstrap may ask for no listeners, and a change is no reason to wait for them again", async () => {
    const { source, service, stream, open } = await serve();
    stream.asks("cluster");
    stream.asks("endpoint", CLUSTER);
    stream.asks("secret", "kubernetes://default/shop");
    await expect.poll(() => open()).toEqual(["listener"]);
    expect(open(LATER)).toEqual([]);
    source.apply({ "mesh.yaml": mesh(81) });
    await service.refresh();
    stream.asks("endpoint", "outbound|81||shop.example");
    await expect.poll(() => open()).toEqual(["listener"]);
    const [proxy] = proxyStatus(service);
    const older = service.status().map((each) => ({ ...each, connectedAt: each.connectedAt - LATER }));
    expect(proxy && unaskedTypes(proxy, older, service.snapshotOf(ID), Date.now())).toEqual([]);
  });

  test("after a change, for what that refers to for the first time", async () => {
    const { source, service, stream, open } = await serve({}, mesh(80).split("---")[0]);
    for (const [type = "", ...names] of [["cluster"], ["endpoint", CLUSTER], ["listener"], ["scope"], ["route", "80.shop.example"]])
      stream.asks(type, ...names);
    stream.asks("filter", ...filters(service));
    await expect.poll(() => open()).toEqual([]);
    source.apply({ "mesh.yaml": mesh(80) });
    await service.refresh();
    await expect.poll(() => open()).toEqual(["secret"]);
    stream.asks("secret", "kubernetes://default/shop");
    await expect.poll(() => open()).toEqual([]);
  });

  test("not for anything else, where it asks for a listener by its name, as gRPC does without a proxy", async () => {
    const { service, stream, open } = await serve();
    stream.asks("listener", "shop.example:80");
    await expect.poll(() => proxyStatus(service)[0]?.state).toBe("SYNCED");
    expect(open()).toEqual([]);
  });
});
