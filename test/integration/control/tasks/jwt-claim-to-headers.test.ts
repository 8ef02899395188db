import { afterAll, beforeAll, expect, test } from "vitest";
import { TokenMesh } from "./token-mesh.ts";

// Istio's task "Copy JWT Claims to HTTP Headers".

let mesh: TokenMesh;

beforeAll(async () => {
  mesh = await TokenMesh.start("sidecar");
  await mesh.apply(`
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: jwt-example, namespace: foo }
spec:
  selector: { matchLabels: { app: httpbin } }
  jwtRules:
    - issuer: ${mesh.issuer}
      jwksUri: ${mesh.jwksUri}
      outputClaimToHeaders:
        - { header: x-jwt-claim-foo, claim: foo }
        - { header: x-jwt-claim-team, claim: realm.team }
`);
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

test("a claim of a valid token stands in its header", async () => {
  const { seen } = await mesh.curl("/headers", await mesh.token({ foo: "bar", realm: { team: "books" } }));
  expect(seen).toMatchObject({ "x-jwt-claim-foo": "bar", "x-jwt-claim-team": "books" });
});

test("what a client writes into it is gone, with a token and without", async () => {
  for (const token of [await mesh.token(), undefined]) {
    const { status, seen } = await mesh.curl("/headers", token, ["x-jwt-claim-foo: forged"]);
    expect([status, seen?.["x-jwt-claim-foo"]]).toEqual([200, undefined]);
  }
});

test("an invalid token brings nothing to anybody", async () => {
  expect(await mesh.curl("/headers", "invalidToken")).toMatchObject({ status: 401, seen: undefined });
});
