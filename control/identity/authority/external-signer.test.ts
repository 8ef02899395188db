import { expect, test } from "vitest";
import { temporary, verify } from "../testing/openssl.ts";
import { quickRequest } from "../testing/requests.ts";
import { Authority, EmbeddedSigner, readRequest } from "./index.ts";
import type { CertificateOrder, Signer } from "./signer.ts";

const REVIEWS = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" };

/** A signer elsewhere, which may change what was ordered, or fail. */
async function signerThat(change: (order: CertificateOrder) => Promise<CertificateOrder> | CertificateOrder): Promise<Signer> {
  const inner = await EmbeddedSigner.open(temporary(), { name: "elsewhere" });
  return {
    local: false,
    roots: () => inner.roots(),
    intermediates: () => [],
    signingEnds: () => Infinity,
    onRootsChanged: () => () => undefined,
    sign: async (order) => inner.sign(await change(order)),
  };
}

test("a signer elsewhere is used as the embedded one", async () => {
  const authority = new Authority({ signer: await signerThat((order) => order) });
  const { chain, roots } = await authority.sign((await quickRequest()).csr, REVIEWS);
  expect(verify(temporary(), chain, roots)).toBe("OK");
});

test.each<[string, (order: CertificateOrder) => Promise<CertificateOrder> | CertificateOrder, RegExp]>([
  ["for another identity", (order) => ({ ...order, uri: `${order.uri}2` }), /it is for another identity/],
  ["for nobody of this kind", (order) => ({ ...order, uri: "https://example.com" }), /is no SPIFFE id/],
  [
    "for another key",
    async (order) => ({ ...order, publicKey: readRequest((await quickRequest()).csr).publicKey }),
    /it is for another key/,
  ],
  ["good for longer", (order) => ({ ...order, notAfter: order.notAfter + 1000 }), /for longer than was ordered/],
  ["expired", (order) => ({ ...order, notAfter: Date.now() - 60_000 }), /it expired at/],
])("a certificate %s is not handed on", async (_, change, reason) => {
  const authority = new Authority({ signer: await signerThat(change) });
  await expect(authority.sign((await quickRequest()).csr, REVIEWS)).rejects.toMatchObject({
    code: "signer",
    message: expect.stringMatching(reason),
  });
});

test("one that is not there is said to be away; why stays here", async () => {
  const authority = new Authority({ signer: await signerThat(() => Promise.reject(new Error("connect 10.0.0.9: password=hunter2"))) });
  await expect(authority.sign((await quickRequest()).csr, REVIEWS)).rejects.toMatchObject({
    code: "signer",
    message: "the certificate could not be signed now; try again later",
    cause: expect.objectContaining({ message: expect.stringContaining("10.0.0.9") }),
  });
});
