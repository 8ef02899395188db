import { afterAll, beforeAll, expect, test } from "vitest";
import { Caller, HTTPBIN, policy } from "./authorization.ts";
import { IdentityMesh } from "./identity-mesh.ts";

// Istio's task "Explicit Deny": DENY goes before ALLOW.

let mesh: IdentityMesh;
let call: Caller;

const denyGet = (rest = "") =>
  policy("deny-method-get", `{ ${HTTPBIN}, action: DENY, rules: [{ to: [{ operation: { methods: ["GET"] } }]${rest} }] }`);
const notAdmin = `, when: [{ key: "request.headers[x-token]", notValues: ["admin"] }]`;
const allowIp = policy("allow-path-ip", `{ ${HTTPBIN}, action: ALLOW, rules: [{ to: [{ operation: { paths: ["/ip"] } }] }] }`);

beforeAll(async () => {
  mesh = await IdentityMesh.start();
  call = new Caller(mesh);
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

test("a method is denied, and no other", async () => {
  await mesh.apply(denyGet());
  expect([await call.get("bar", "/get"), await call.post("bar", "/post")]).toEqual([403, 200]);
});

test("but where a header says admin", async () => {
  await mesh.apply(denyGet(notAdmin));
  expect([
    await call.get("bar", "/get", ["x-token: admin"]),
    await call.get("bar", "/get", ["x-token: guest"]),
    await call.get("bar", "/get"),
  ]).toEqual([200, 403, 403]);
});

test("beside ALLOW: what is allowed, and not denied", async () => {
  await mesh.apply(denyGet(notAdmin) + allowIp);
  expect([
    await call.get("bar", "/ip", ["x-token: guest"]),
    await call.get("bar", "/ip", ["x-token: admin"]),
    await call.get("bar", "/get", ["x-token: admin"]),
    await call.post("bar", "/ip"),
  ]).toEqual([403, 200, 403, 200]);
});
