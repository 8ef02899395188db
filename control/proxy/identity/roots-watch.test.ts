import { fromBinary } from "@bufbuild/protobuf";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ControlService } from "../../control-service.ts";
import { SecretSchema } from "../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import type { DeltaDiscoveryResponse } from "../../envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { typeUrl } from "../../envoy-api/index.ts";
import { Certificate, istioCertificateService, MeshIdentity, MeshServerCertificate, newRequest } from "../../identity/index.ts";
import { temporary } from "../../identity/testing/openssl.ts";
import { DeltaCall } from "../../xds/transport/testing/grpc-client.ts";
import { XdsListener } from "../../xds/transport/index.ts";
import { readHeld } from "./held-file.ts";
import { ProxyIdentity, type ProxyIdentityOptions } from "./index.ts";

const REVIEWS = { namespace: "default", serviceAccount: "default" };
const CONTROL = { trustDomain: "cluster.local", namespace: "istio-system", serviceAccount: "istiod" };
const ID = "sidecar~10.0.0.1~reviews.default~default.svc.cluster.local";

/** However busy the machine is. */
const SOON = { timeout: 20_000 };

/** A control service over TLS that tells what its authority says, a proxy's identity, and what that logs. */
async function mesh() {
  await using resources = new AsyncDisposableStack();
  const folder = temporary();
  const service = resources.use(await ControlService.start({ sources: [] }));
  const identity = resources.use(await MeshIdentity.open({ directory: folder, trustDomains: () => service.mesh.settings }));
  const { signer } = identity.authority;
  service.trust(signer.roots());
  signer.onRootsChanged(() => service.trust(signer.roots()));
  const certificate = resources.use(await MeshServerCertificate.start({ authority: identity.authority, identity: () => CONTROL }));
  const services = [istioCertificateService(identity.certificates)];
  const xds = resources.use(await XdsListener.start(service.xds, { port: 0, services, certificate, plaintext: false }));
  const lines: string[] = [];
  const write: ProxyIdentityOptions["log"]["info"] = (fields, message) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const socket = join(temporary(), "secrets");
  const file = join(temporary(), "certificate.json");
  const { token } = identity.tokens.create(REVIEWS);
  resources.use(
    await ProxyIdentity.start({
      source: { host: "127.0.0.1", port: xds.port, roots: identity.authority.roots() },
      workload: REVIEWS,
      token: async () => token,
      socket,
      file,
      log: { info: write, warn: write, error: write },
    }),
  );
  const taken = resources.move();
  onTestFinished(() => taken.disposeAsync());
  /** Of the proxy, as the control service knows it. */
  const state = () => service.status().flatMap(({ types }) => types.filter((type) => type.typeUrl.endsWith(".ProxyConfig")));
  return { service, identity, socket, file, lines, state };
}

const complain = (_: object, message: string) => expect.unreachable(message);

/** Who asks on the socket, as Envoy does. */
class Envoy extends DeltaCall {
  constructor(socket: string) {
    super(`unix:${socket}`, ID, "/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets");
    this.request({ typeUrl: typeUrl(SecretSchema), resourceNamesSubscribe: ["ROOTCA"] });
  }

  /** The next answer, and how many certificates are to be trusted by it. */
  async trusted(): Promise<{ readonly response: DeltaDiscoveryResponse; readonly count: number }> {
    const response = await this.response();
    const { type } = fromBinary(SecretSchema, response.resources[0]?.resource?.value ?? new Uint8Array());
    const pem = type.case === "validationContext" ? type.value.trustedCa?.specifier.value : undefined;
    return { response, count: Certificate.readAll(Buffer.from(pem ?? "").toString()).length };
  }
}

test("the Envoy has a new root at once, and the control service hears when it has", async () => {
  const { identity, socket, file, state, lines } = await mesh();
  using envoy = new Envoy(socket);
  const first = await envoy.trusted();
  expect(first.count).toBe(1);
  envoy.ack(first.response);
  await expect.poll(state, SOON).toMatchObject([{ state: "SYNCED" }]);
  await identity.embedded?.prepare();
  const second = await envoy.trusted();
  expect(second.count).toBe(2);
  expect(state()).toMatchObject([{ state: "STALE" }]);
  envoy.ack(second.response);
  await expect.poll(state, SOON).toMatchObject([{ state: "SYNCED" }]);
  const held = readHeld(file, REVIEWS, { info: complain, warn: complain, error: complain });
  expect(Certificate.readAll(held?.roots ?? ""), "a restart while the control service is away").toHaveLength(2);
  expect(lines.join("\n")).not.toMatch(/mwj_|PRIVATE/);
});

test("what is no certificate of an authority is not taken, and a good one after it is", async () => {
  const { service, identity, socket, state } = await mesh();
  using envoy = new Envoy(socket);
  envoy.ack((await envoy.trusted()).response);
  await expect.poll(state, SOON).toMatchObject([{ state: "SYNCED" }]);
  const { csr } = await newRequest();
  const { chain } = await identity.authority.sign(csr, { trustDomain: "cluster.local", ...REVIEWS });
  service.trust([chain]);
  await expect
    .poll(state)
    .toMatchObject([{ state: "NACK", refused: [{ reason: expect.stringContaining("is no certificate of an authority") }] }]);
  service.trust(["-----BEGIN NOTHING-----"]);
  await expect.poll(state, SOON).toMatchObject([{ state: "NACK" }]);
  await identity.embedded?.prepare();
  const { response, count } = await envoy.trusted();
  expect(count, "nothing else came in between").toBe(2);
  envoy.ack(response);
  await expect.poll(state, SOON).toMatchObject([{ state: "SYNCED" }]);
});

test("that the Envoy refuses it, is handed on", async () => {
  const { identity, socket, state } = await mesh();
  using envoy = new Envoy(socket);
  envoy.ack((await envoy.trusted()).response);
  await expect.poll(state, SOON).toMatchObject([{ state: "SYNCED" }]);
  await identity.embedded?.prepare();
  envoy.nack((await envoy.trusted()).response, "not this one");
  await expect.poll(state, SOON).toMatchObject([{ state: "NACK", refused: [{ reason: "Envoy refuses ROOTCA: not this one" }] }]);
});

test("nothing is followed for an Envoy that is gone, until it is back", async () => {
  const { service, identity, socket } = await mesh();
  const ids = () => service.proxies().map(({ id }) => id);
  {
    using envoy = new Envoy(socket);
    envoy.ack((await envoy.trusted()).response);
    await expect.poll(ids, SOON).toEqual([ID]);
  }
  await expect.poll(ids, SOON).toEqual([]);
  await identity.embedded?.prepare();
  using envoy = new Envoy(socket);
  envoy.ack((await envoy.trusted()).response);
  expect((await envoy.trusted()).count).toBe(2);
});
