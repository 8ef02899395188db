import { afterAll, beforeAll, expect, test } from "vitest";
import { sign } from "../../../../filters/authentication/tokens.mts";
import { TokenMesh } from "./token-mesh.ts";

// Istio's task "JWT Token": a workload that takes tokens of an issuer, and then only those who have one, and then only those whose token says so.

let mesh: TokenMesh;

const authentication = () => `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: jwt-example, namespace: foo }
spec:
  selector: { matchLabels: { app: httpbin } }
  jwtRules:
    - issuer: ${mesh.issuer}
      jwksUri: ${mesh.jwksUri}
`;

const requireJwt = (when = "") => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: require-jwt, namespace: foo }
spec:
  selector: { matchLabels: { app: httpbin } }
  action: ALLOW
  rules:
    - from: [{ source: { requestPrincipals: ["${mesh.issuer}/ann"] } }]
${when}
`;

beforeAll(async () => {
  mesh = await TokenMesh.start("sidecar");
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

test("a request with an invalid token is denied, one without a token is allowed", async () => {
  await mesh.apply(authentication());
  const forged = await sign(mesh.otherKey);
  expect(await mesh.status("/headers", forged)).toBe(401);
  expect(await mesh.status("/headers", "invalidToken")).toBe(401);
  expect(await mesh.status("/headers")).toBe(200);
  expect(await mesh.status("/headers", await mesh.token())).toBe(200);
});

test("where a principal is asked for, a request with its token is allowed, and none without one", async () => {
  await mesh.apply(authentication() + requireJwt());
  expect(await mesh.status("/headers", await mesh.token())).toBe(200);
  expect(await mesh.status("/headers")).toBe(403);
  expect(await mesh.status("/headers", await mesh.token({ sub: "bob" }))).toBe(403);
});

test("where a claim is asked for too, a token without it is no more enough", async () => {
  await mesh.apply(authentication() + requireJwt(`      when: [{ key: "request.auth.claims[groups]", values: [group1] }]`));
  expect(await mesh.status("/headers", await mesh.token({ groups: ["group1", "group2"] }))).toBe(200);
  expect(await mesh.status("/headers", await mesh.token({ groups: ["group2"] }))).toBe(403);
  expect(await mesh.status("/headers", await mesh.token())).toBe(403);
});
