import { afterAll, beforeAll, expect, test } from "vitest";
import { Caller, HTTPBIN, policy } from "./authorization.ts";
import { IdentityMesh } from "./identity-mesh.ts";

// Istio's task "Dry Run": what a policy would do, without doing it.

let mesh: IdentityMesh;
let call: Caller;

const denies = (dryRun: boolean) =>
  policy("deny-path-headers", `{ ${HTTPBIN}, action: DENY, rules: [{ to: [{ operation: { paths: ["/headers"] } }] }] }`, {
    annotations: `"istio.io/dry-run": "${dryRun}"`,
  });
const allows = policy("allow-path-headers", `{ ${HTTPBIN}, action: ALLOW, rules: [{ to: [{ operation: { paths: ["/headers"] } }] }] }`, {
  annotations: `"istio.io/dry-run": "true"`,
});

/** Of the sidecar, since it began. */
async function count(name: string): Promise<number> {
  const { values } = await mesh.sidecar("foo").envoy.admin.stats(`authorization\\.${name}$`);
  return Object.values(values).reduce((sum, value) => sum + value, 0);
}

beforeAll(async () => {
  mesh = await IdentityMesh.start();
  call = new Caller(mesh);
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

test("a request that would be denied goes on, and is counted", async () => {
  await mesh.apply(denies(true));
  expect([await call.get("bar", "/headers"), await call.get("bar", "/other")]).toEqual([200, 200]);
  expect(await count("shadow_denied")).toBe(1);
});

test("beside ALLOW", async () => {
  await mesh.apply(denies(true) + allows);
  const [denied, allowed] = [await count("shadow_denied"), await count("shadow_allowed")];
  expect([await call.get("bar", "/headers"), await call.get("bar", "/other")]).toEqual([200, 200]);
  // /headers would be denied by the one, /other because the other does not allow it.
  expect([(await count("shadow_denied")) - denied, (await count("shadow_allowed")) - allowed]).toEqual([2, 0]);
});

test("and does not where the run is no longer dry", async () => {
  await mesh.apply(denies(false));
  expect([await call.get("bar", "/headers"), await call.get("bar", "/other")]).toEqual([403, 200]);
});
