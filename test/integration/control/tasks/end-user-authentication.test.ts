import { afterAll, beforeAll, expect, test } from "vitest";
import { TokenMesh } from "./token-mesh.ts";

// Istio's task "Authentication Policy", section "End-user authentication": tokens at the ingress gateway, then only requests with one, and then only on some paths.

let mesh: TokenMesh;

const rules = (policy = "") => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: httpbin, namespace: foo }
spec:
  hosts: ["*"]
  gateways: [httpbin-gateway]
  http: [{ route: [{ destination: { host: httpbin, port: { number: 8000 } } }] }]
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: jwt-example, namespace: istio-system }
spec:
  selector: { matchLabels: { istio: ingressgateway } }
  jwtRules:
    - issuer: ${mesh.issuer}
      jwksUri: ${mesh.jwksUri}
${policy}`;

const frontendIngress = (to: string) => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: frontend-ingress, namespace: istio-system }
spec:
  selector: { matchLabels: { istio: ingressgateway } }
  action: DENY
  rules:
    - from: [{ source: { notRequestPrincipals: ["*"] } }]
${to}
`;

beforeAll(async () => {
  mesh = await TokenMesh.start("gateway");
  await mesh.apply(rules());
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

test("a valid token is accepted, and none too; an invalid one is not", async () => {
  expect(await mesh.status("/headers", await mesh.token())).toBe(200);
  expect(await mesh.status("/headers")).toBe(200);
  expect(await mesh.status("/headers", "deadbeef")).toBe(401);
});

test("a token that expired is not accepted, but for a minute by which clocks may differ", async () => {
  const now = Math.floor(Date.now() / 1000);
  expect(await mesh.status("/headers", await mesh.token({ exp: now - 20 }))).toBe(200);
  expect(await mesh.curl("/headers", await mesh.token({ exp: now - 90 }))).toMatchObject({ status: 401, body: "Jwt is expired" });
});

test("a valid token is required", async () => {
  await mesh.apply(rules(frontendIngress("")));
  expect(await mesh.curl("/headers")).toMatchObject({ status: 403, body: "RBAC: access denied" });
  expect(await mesh.status("/headers", await mesh.token())).toBe(200);
});

test("a valid token is required on single paths", async () => {
  await mesh.apply(rules(frontendIngress(`      to: [{ operation: { paths: ["/headers"] } }]`)));
  expect([await mesh.status("/headers"), await mesh.status("/ip")]).toEqual([403, 200]);
  expect([await mesh.status("/headers", await mesh.token()), await mesh.status("/ip", "deadbeef")]).toEqual([200, 401]);
});

test("nothing is asked for any more where the policies are gone", async () => {
  await mesh.apply(rules().split("---")[0] ?? "");
  expect([await mesh.status("/headers"), await mesh.status("/headers", "deadbeef")]).toEqual([200, 200]);
});
