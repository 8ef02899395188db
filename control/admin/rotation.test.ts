import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { ControlService } from "../control-service.ts";
import { typeUrl } from "../envoy-api/index.ts";
import { ClusterSchema } from "../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
} from "../envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { ProxyConfigSchema } from "../envoy-api/generated/mesh/v1alpha1/proxy_pb.ts";
import { EmbeddedSigner } from "../identity/index.ts";
import { temporary } from "../identity/testing/openssl.ts";
import { IDENTITY_KEY, ON_DEMAND_KEY } from "../model/index.ts";
import { RawCall, SOTW_ADS } from "../xds/transport/testing/grpc-client.ts";
import { XdsListener } from "../xds/transport/index.ts";
import { proxiesWithoutRoots, rotate, type RotationRequest } from "./rotation.ts";

const ROOTS = typeUrl(ProxyConfigSchema);
const CLUSTERS = typeUrl(ClusterSchema);

/** A mesh whose root is rotated. */
async function mesh() {
  const service = await ControlService.start({ sources: [] });
  const xds = await XdsListener.start(service.xds, { port: 0 });
  onTestFinished(async () => {
    await xds[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });
  const signer = await EmbeddedSigner.open(temporary(), { name: "cluster.local" });
  service.trust(signer.roots());
  signer.onRootsChanged(() => service.trust(signer.roots()));
  const step = (request: RotationRequest) => rotate(signer, request, () => proxiesWithoutRoots(service));
  return { service, step, port: xds.port };
}

/** Who asks for one type, as a proxy or beside it. */
class Client extends RawCall {
  private readonly asks: string;

  constructor(port: number, name: string, asks: string, metadata: Readonly<Record<string, string>> = { [IDENTITY_KEY]: "socket" }) {
    super(port);
    this.asks = asks;
    const node = { id: idOf(name), metadata };
    this.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { node, typeUrl: asks })));
  }

  /** The certificates of the next response. */
  async roots(): Promise<{ readonly roots: readonly string[]; readonly ack: (message?: string) => void }> {
    const { resources, nonce } = fromBinary(DeltaDiscoveryResponseSchema, await this.next());
    const [resource] = resources;
    const { caCertificatesPem } = fromBinary(ProxyConfigSchema, resource?.resource?.value ?? new Uint8Array());
    const ack = (message?: string) => {
      const error = message === undefined ? {} : { errorDetail: { code: 3, message } };
      const request = create(DeltaDiscoveryRequestSchema, { typeUrl: this.asks, responseNonce: nonce, ...error });
      this.send(toBinary(DeltaDiscoveryRequestSchema, request));
    };
    return { roots: caCertificatesPem, ack };
  }
}

const idOf = (name: string) => `sidecar~10.0.0.1~${name}.default~default.svc.cluster.local`;
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => "taken",
    (error: Error) => error.message,
  );

test("the new root signs when every connected proxy trusts it, and the old one goes when that is so still", async () => {
  const { service, step, port } = await mesh();
  using envoy = new Client(port, "app", CLUSTERS);
  using agent = new Client(port, "app", ROOTS);
  const first = await agent.roots();
  expect(first.roots).toHaveLength(1);
  first.ack();
  await envoy.next();
  await step({ step: "prepare" });
  const both = await agent.roots();
  expect(both.roots).toEqual([first.roots[0], expect.stringContaining("BEGIN CERTIFICATE")]);
  expect(await refusal(step({ step: "switch" }))).toContain(
    `not every connected proxy has said that it trusts the new root: ${idOf("app")}`,
  );
  const switched = step({ step: "switch", timeout: "20s" });
  both.ack();
  expect(await switched).toMatchObject({ phase: "switched" });
  const turned = await agent.roots();
  expect(turned.roots).toEqual([...both.roots].reverse());
  expect(await refusal(step({ step: "retire" }))).toContain(idOf("app"));
  turned.ack();
  expect(await step({ step: "retire", timeout: "20s" })).toMatchObject({ phase: "stable" });
  const last = await agent.roots();
  expect(last.roots).toEqual([both.roots[1]]);
  expect(service.proxies()).toHaveLength(1);
});

test("a proxy that refuses the new root, and one that nobody stands beside, hold the rotation, and force goes on", async () => {
  const { service, step, port } = await mesh();
  using refusing = new Client(port, "refusing", ROOTS);
  const first = await refusing.roots();
  first.ack();
  await step({ step: "prepare" });
  (await refusing.roots()).ack("no");
  using alone = new Client(port, "alone", CLUSTERS);
  await alone.next();
  await expect.poll(() => service.status().flatMap(({ types }) => types.map(({ state }) => state)), { timeout: 20_000 }).toContain("NACK");
  expect(proxiesWithoutRoots(service)).toEqual([idOf("alone"), idOf("refusing")]);
  expect(await refusal(step({ step: "switch", timeout: "50ms" }))).toContain(`${idOf("alone")}, ${idOf("refusing")}`);
  expect(await step({ step: "switch", force: true })).toMatchObject({ phase: "switched" });
});

test("a proxy without a certificate does not count, and a step out of turn is refused without a wait", async () => {
  const { service, step, port } = await mesh();
  using plain = new Client(port, "plain", CLUSTERS, {});
  await plain.next();
  expect(service.proxies()).toHaveLength(1);
  using lacking = new Client(port, "lacking", CLUSTERS);
  await lacking.next();
  expect(proxiesWithoutRoots(service)).toEqual([idOf("lacking")]);
  const begun = performance.now();
  expect(await refusal(step({ step: "switch", timeout: "20s" }))).toContain("in the phase prepared; this is stable");
  expect(await refusal(step({ step: "retire", timeout: "20s" }))).toContain("in the phase switched; this is stable");
  expect(performance.now() - begun).toBeLessThan(15_000);
  expect(await refusal(step({ step: "prepare", timeout: "soon" }))).toContain("timeout is a duration");
});

test("who asks for the roots of an Envoy, with its node, is beside it, whatever variant the Envoy speaks", async () => {
  const { service, port } = await mesh();
  const metadata = { [IDENTITY_KEY]: "socket", [ON_DEMAND_KEY]: "true" };
  using envoy = new RawCall(port, SOTW_ADS);
  const request = create(DiscoveryRequestSchema, { node: { id: idOf("app"), metadata }, typeUrl: CLUSTERS });
  envoy.send(toBinary(DiscoveryRequestSchema, request));
  await envoy.next();
  const [known] = service.proxies();
  expect(known).toMatchObject({ onDemand: false });
  using agent = new Client(port, "app", ROOTS, metadata);
  await agent.roots();
  expect(service.proxies()).toEqual([known]);
});
