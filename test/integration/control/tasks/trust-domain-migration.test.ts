import { afterAll, beforeAll, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { Caller, HTTPBIN, policy } from "./authorization.ts";
import { IdentityMesh, spiffe } from "./identity-mesh.ts";

// Istio's task "Trust Domain Migration": a mesh gets another trust domain, and policies that name the old one go on to hold.

let mesh: IdentityMesh;
let call: Caller;

const config = (more: string) => `
---
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
${more}
`;
const allowed = (...principals: readonly string[]) =>
  policy(
    "service-httpbin.default.svc.cluster.local",
    `{ ${HTTPBIN}, rules: [{ from: [{ source: { principals: ${JSON.stringify(principals)} } }], to: [{ operation: { methods: ["GET"] } }] }] }`,
  );

beforeAll(async () => {
  // What has new certificates is of the new domain; the other has its old one.
  mesh = await IdentityMesh.start(config("trustDomain: old-td"), {
    foo: identityOf(spiffe("foo", "httpbin", "old-td")),
    bar: identityOf(spiffe("bar", "httpbin", "old-td")),
  });
  call = new Caller(mesh);
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

test("before", async () => {
  await mesh.apply(config("trustDomain: old-td") + allowed("old-td/ns/bar/sa/httpbin"));
  expect([await call.get("bar"), await call.get("foo"), await call.get("legacy")]).toEqual([200, 403, 403]);
});

test("without an alias the old name means nobody", async () => {
  await mesh.secrets("foo").rotate(identityOf(spiffe("foo", "httpbin", "new-td")));
  await mesh.secrets("bar").rotate(identityOf(spiffe("bar", "httpbin", "new-td")));
  await mesh.apply(config("trustDomain: new-td") + allowed("old-td/ns/bar/sa/httpbin"));
  expect(await call.get("bar")).toBe(403);
});

test("with an alias it means the same as the new one", async () => {
  await mesh.apply(config("trustDomain: new-td\ntrustDomainAliases: [old-td]") + allowed("old-td/ns/bar/sa/httpbin"));
  expect([await call.get("bar"), await call.get("foo")]).toEqual([200, 403]);
  await mesh.apply(config("trustDomain: new-td\ntrustDomainAliases: [old-td]") + allowed("new-td/ns/bar/sa/httpbin"));
  expect([await call.get("bar"), await call.get("foo")]).toEqual([200, 403]);
});

test("and workloads that still have their old certificates are who they were", async () => {
  await mesh.secrets("bar").rotate(identityOf(spiffe("bar", "httpbin", "old-td")));
  expect([await call.get("bar"), await call.get("foo")]).toEqual([200, 403]);
});

test("cluster.local stands for the mesh's own, whatever it is", async () => {
  await mesh.apply(config("trustDomain: new-td\ntrustDomainAliases: [old-td]") + allowed("cluster.local/ns/bar/sa/httpbin"));
  expect([await call.get("bar"), await call.get("foo")]).toEqual([200, 403]);
});
