import { once } from "node:events";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../../../control/xds/types/testing/running-proxy.ts";
import { identityOf, type TlsIdentity } from "../../../../harness/envoy/chain/certificates.ts";
import { connectTo, getAt } from "../client.ts";
import { Bookshop } from "./bookshop.ts";

// Istio's task "Secure Gateways": one host with TLS, several hosts on one port, and clients with certificates.

const ROUTER = "router~10.0.0.9~ingress-1.default~default.svc.cluster.local";
let shop: Bookshop;
let port: number;

const encoded = (text: string) => Buffer.from(text).toString("base64");

const secret = (name: string, { certificate, key, authority }: TlsIdentity) => `
---
apiVersion: v1
kind: Secret
metadata: { name: ${name} }
type: kubernetes.io/tls
data: { tls.crt: ${encoded(certificate)}, tls.key: ${encoded(key)}, ca.crt: ${encoded(authority)} }
`;

const host = (name: string, subset: string) => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name.split(".")[0] ?? name} }
spec:
  hosts: [${name}]
  gateways: [shop-gateway]
  http: [{ route: [{ destination: { host: reviews, subset: ${subset} } }] }]
`;

const gateway = (mode: "SIMPLE" | "MUTUAL") => `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: shop-gateway }
spec:
  selector: { app: ingress }
  servers:
    - port: { number: ${port}, name: https-shop, protocol: HTTPS }
      tls: { mode: ${mode}, credentialName: shop-credential }
      hosts: [shop.example.com]
    - port: { number: ${port}, name: https-press, protocol: HTTPS }
      tls: { mode: SIMPLE, credentialName: press-credential }
      hosts: [press.example.com]
`;

const rules = (mode: "SIMPLE" | "MUTUAL", shopIdentity = identityOf("shop.example.com")) =>
  gateway(mode) +
  host("shop.example.com", "v1") +
  host("press.example.com", "v3") +
  secret("shop-credential", shopIdentity) +
  secret("press-credential", identityOf("press.example.com"));

const tls = (servername: string, more: ConnectionOptions = {}): ConnectionOptions => ({
  servername,
  ca: identityOf("shop.example.com").authority,
  ...more,
});
const get = (name: string, more: ConnectionOptions = {}) => getAt({ port, tls: tls(name, more) }, name, "/");

async function serialOf(name: string): Promise<string> {
  const socket = connectTo({ port, tls: tls(name, { rejectUnauthorized: false }) }) as TLSSocket;
  await once(socket, "secureConnect");
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

beforeAll(async () => {
  port = await freePort();
  shop = await Bookshop.start(rules("SIMPLE"));
  await shop.mesh.proxy(ROUTER, { LABELS: { app: "ingress" } });
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
});

test("each host has its certificate, and its routes", async () => {
  expect(await get("shop.example.com")).toMatchObject({ status: 200, body: "reviews-v1" });
  expect(await get("press.example.com")).toMatchObject({ status: 200, body: "reviews-v3" });
});

test("a host that no server names gets no connection", async () => {
  await expect(get("other.example.com")).rejects.toThrow();
});

test("a connection for one host does not open another", async () => {
  expect(await getAt({ port, tls: tls("press.example.com") }, "shop.example.com", "/")).toMatchObject({ status: 404 });
});

test("plain requests are not answered", async () => {
  await expect(getAt({ port }, "shop.example.com", "/")).rejects.toThrow();
});

test("a certificate is renewed while it serves", async () => {
  const before = await serialOf("shop.example.com");
  // The names of the certificate do not matter here, only that it is another.
  await shop.apply(rules("SIMPLE", identityOf("renewed.example.com")));
  expect(await serialOf("shop.example.com")).not.toBe(before);
  await shop.apply(rules("SIMPLE"));
  expect(await serialOf("shop.example.com")).toBe(before);
});

test("with MUTUAL clients need a certificate, and for the other host they do not", async () => {
  await shop.apply(rules("MUTUAL"));
  const { certificate: cert, key } = identityOf("reader.example.com");
  await expect(get("shop.example.com")).rejects.toThrow();
  expect(await get("shop.example.com", { cert, key })).toMatchObject({ status: 200, body: "reviews-v1" });
  expect(shop.upstream("reviews-v1").requests.at(-1)?.headers).toContainEqual([
    "x-forwarded-client-cert",
    expect.stringContaining("DNS=reader.example.com"),
  ]);
  expect(await get("press.example.com")).toMatchObject({ status: 200, body: "reviews-v3" });
});
