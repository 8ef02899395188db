import { afterAll, beforeAll, expect, test } from "vitest";
import { Caller, HTTPBIN, policy } from "./authorization.ts";
import { IdentityMesh } from "./identity-mesh.ts";

// Istio's task "HTTP Traffic" of authorization: nothing is allowed, then one workload is after the other, by method and by who calls.

let mesh: IdentityMesh;
let call: Caller;

const nothing = policy("allow-nothing", "{}");

beforeAll(async () => {
  mesh = await IdentityMesh.start();
  call = new Caller(mesh);
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

test("a policy that allows nothing denies everything in its namespace, and nothing in others", async () => {
  await mesh.apply(nothing);
  expect([await call.get("bar"), await call.get("foo"), await call.get("legacy")]).toEqual([403, 403, 403]);
  expect(await call.body("bar", "/")).toBe("RBAC: access denied");
  expect(await mesh.call("foo", "bar")).toBe(200);
});

test("the viewer's policy allows GET, for everybody", async () => {
  await mesh.apply(
    nothing + policy("httpbin-viewer", `{ ${HTTPBIN}, action: ALLOW, rules: [{ to: [{ operation: { methods: ["GET"] } }] }] }`),
  );
  expect([await call.get("bar"), await call.get("legacy"), await call.post("bar")]).toEqual([200, 200, 403]);
});

test("and, with a principal, for one account alone", async () => {
  const viewer = (account: string) =>
    policy(
      "httpbin-viewer",
      `{ ${HTTPBIN}, action: ALLOW, rules: [{ from: [{ source: { principals: ["cluster.local/ns/bar/sa/${account}"] } }], to: [{ operation: { methods: ["GET"] } }] }] }`,
    );
  await mesh.apply(nothing + viewer("httpbin"));
  expect([await call.get("bar"), await call.post("bar"), await call.get("foo"), await call.get("legacy")]).toEqual([200, 403, 403, 403]);
  await mesh.apply(nothing + viewer("other"));
  expect(await call.get("bar")).toBe(403);
});

test("a policy of the whole mesh holds in every namespace", async () => {
  await mesh.apply(policy("allow-nothing", "{}", { namespace: "istio-system" }));
  expect([await call.get("bar"), await mesh.call("foo", "bar")]).toEqual([403, 403]);
  await mesh.apply("");
  expect([await call.get("bar"), await mesh.call("foo", "bar")]).toEqual([200, 200]);
});
