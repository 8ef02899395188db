import { afterAll, beforeAll, expect, test } from "vitest";
import { sign } from "../../../filters/authentication/tokens.mts";
import { TokenMesh } from "./tasks/token-mesh.ts";

// RequestAuthentications that cannot be carried out as they are written: nothing that they would have refused is let past.

let mesh: TokenMesh;

const policy = (more = "", rule = "") => `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens, namespace: foo }
spec:
  ${more}
  jwtRules:
    - issuer: ${mesh.issuer}
      jwksUri: ${mesh.jwksUri}
      fromHeaders: [{ name: authorization, prefix: "Bearer " }, { name: x-jwt }]
      outputClaimToHeaders: [{ header: x-subject, claim: sub }]
      ${rule}
`;

beforeAll(async () => {
  mesh = await TokenMesh.start("sidecar");
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

const DENIED = expect.stringContaining(
  "MW0014 RequestAuthentication foo/tokens has errors and no good version, so all that it may have been meant to protect is denied",
) as string;

test("a new one refuses every token in every place that it names, keeps its headers from clients, and says so", async () => {
  const errors = await mesh.applyBroken(policy("targetRefs: [{ kind: Gateway, name: edge }]"));
  expect(errors).toEqual([DENIED, expect.stringContaining('MW0007 "targetRefs" is not supported')]);
  const token = await mesh.token();
  expect([await mesh.status("/", token), await mesh.status(`/?access_token=${token}`)]).toEqual([401, 401]);
  expect((await mesh.curl("/", undefined, [`x-jwt: ${token}`])).status).toBe(401);
  const { status, seen } = await mesh.curl("/", undefined, ["x-subject: forged"]);
  expect([status, seen?.["x-subject"]]).toEqual([200, undefined]);
});

test("it counts when it is mended", async () => {
  await mesh.apply(policy());
  const { status, seen } = await mesh.curl("/", await mesh.token());
  expect([status, seen?.["x-subject"]]).toEqual([200, "ann"]);
});

test.each([
  ["has a field that is not known", () => policy("", "audience: shop")],
  ["is no YAML", () => `${policy()}\n  ]`],
])("one that was good stays as it was where it %s", async (_, broken) => {
  await mesh.apply(policy());
  expect(await mesh.applyBroken(broken())).toHaveLength(1);
  expect([await mesh.status("/", await mesh.token()), await mesh.status("/", await sign(mesh.otherKey))]).toEqual([200, 401]);
});
