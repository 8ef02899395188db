import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";
import { expect, onTestFinished, test, vi } from "vitest";
import { contextOf } from "../../tls/index.ts";
import { Authority, EmbeddedSigner } from "../authority/index.ts";
import { Certificate } from "../chain/index.ts";
import { temporary } from "../testing/openssl.ts";
import { MeshServerCertificate, type MeshServerCertificateOptions } from "./index.ts";

const DAY = 86_400_000;
const OWN = { trustDomain: "cluster.local", namespace: "istio-system", serviceAccount: "control" };

async function listening(options: Partial<MeshServerCertificateOptions> = {}) {
  const signer = await EmbeddedSigner.open(temporary(), { name: "cluster.local" });
  const authority = new Authority({ signer });
  const certificate = await MeshServerCertificate.start({ authority, identity: () => OWN, ...options });
  const server = createServer({ ...contextOf(certificate), ALPNProtocols: ["h2"] });
  certificate.onChange(() => server.setSecureContext(contextOf(certificate)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  onTestFinished(() => {
    server.close();
    certificate[Symbol.dispose]();
  });
  /** The certificate that a client sees who trusts what is trusted now. */
  const seen = async () => {
    const socket = connect({
      port,
      host: "127.0.0.1",
      ca: authority.roots(),
      ALPNProtocols: ["h2"],
      servername: "control",
      checkServerIdentity: () => undefined,
    });
    await once(socket, "secureConnect");
    const { subjectaltname, serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return { name: subjectaltname, serialNumber };
  };
  return { signer, authority, seen };
}

test("shows a certificate of the mesh for its own identity", async () => {
  const { seen } = await listening();
  expect(await seen()).toMatchObject({ name: "URI:spiffe://cluster.local/ns/istio-system/sa/control" });
});

test("has another one when half of its life is over", async () => {
  const { seen } = await listening({ lifetime: 2000 });
  const { serialNumber } = await seen();
  await expect.poll(async () => (await seen()).serialNumber, { timeout: 180_000 }).not.toBe(serialNumber);
}, 200_000);

test("follows the root through its rotation", async () => {
  const { signer, seen } = await listening();
  const { serialNumber: first } = await seen();
  await signer.prepare();
  signer.switch();
  await expect.poll(async () => (await seen()).serialNumber).not.toBe(first);
  signer.retire(true);
  // It is trusted by who knows the new root alone.
  await expect
    .poll(async () =>
      seen().then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
});

test.each([
  ["forward past its end", 25 * 3_600_000],
  ["back before its beginning", -3_600_000],
])("has another one when the clock steps %s", async (_, step) => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  let now = Date.now();
  const clock = () => now;
  // The root is older than any of it.
  now -= DAY;
  const signer = await EmbeddedSigner.open(temporary(), { name: "cluster.local", clock });
  now += DAY;
  const authority = new Authority({ signer, clock });
  using certificate = await MeshServerCertificate.start({ authority, identity: () => OWN, clock });
  const first = certificate.current();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(certificate.current()).toBe(first);
  now += step;
  await vi.advanceTimersByTimeAsync(30_000);
  vi.useRealTimers();
  await expect.poll(() => certificate.current()).not.toBe(first);
  const [own] = Certificate.readAll(certificate.current().certificate);
  expect([(own?.notBefore ?? 0) <= now, now < (own?.notAfter ?? 0)]).toEqual([true, true]);
});

test("does not start where the authority cannot sign", async () => {
  const identity = () => ({ ...OWN, namespace: "not a name" });
  await expect(listening({ identity })).rejects.toMatchObject({ code: "csr-identity" });
});
