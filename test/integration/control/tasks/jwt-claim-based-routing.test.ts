import { afterAll, beforeAll, expect, test } from "vitest";
import { TokenMesh } from "./token-mesh.ts";

// Istio's task "JWT claim based routing": the ingress gateway routes by what a verified token says.

let mesh: TokenMesh;

beforeAll(async () => {
  mesh = await TokenMesh.start("gateway");
  await mesh.apply(`
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: ingress-jwt, namespace: istio-system }
spec:
  selector: { matchLabels: { istio: ingressgateway } }
  jwtRules:
    - issuer: ${mesh.issuer}
      jwksUri: ${mesh.jwksUri}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: httpbin, namespace: foo }
spec:
  hosts: ["*"]
  gateways: [httpbin-gateway]
  http:
    - match: [{ uri: { prefix: /headers }, headers: { "@request.auth.claims.groups": { exact: group1 } } }]
      route: [{ destination: { host: httpbin, port: { number: 8000 } } }]
`);
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

test("a request with an invalid token is refused", async () => {
  expect(await mesh.status("/headers", "some.invalid.token")).toBe(401);
});

test("a request without a token finds no route", async () => {
  expect(await mesh.status("/headers")).toBe(404);
});

test("a request whose token lacks the claim finds no route, and one whose token has it does", async () => {
  expect(await mesh.status("/headers", await mesh.token())).toBe(404);
  expect(await mesh.status("/headers", await mesh.token({ groups: ["group2"] }))).toBe(404);
  expect(await mesh.status("/headers", await mesh.token({ groups: ["group1", "group2"] }))).toBe(200);
  expect(await mesh.status("/headers", await mesh.token({ groups: "group1" }))).toBe(200);
});
