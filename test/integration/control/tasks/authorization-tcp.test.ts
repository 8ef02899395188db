import { afterAll, beforeAll, expect, test } from "vitest";
import { HTTPBIN, policy } from "./authorization.ts";
import { IdentityMesh, type Port } from "./identity-mesh.ts";

// Istio's task "TCP Traffic" of authorization: ports of bytes, what a policy of HTTP means for them, and DENY.

let mesh: IdentityMesh;
const portOf = (port: Port) => mesh.program("foo").ports[port];
const bytes = () => mesh.call("bar", "foo", "bytes");

beforeAll(async () => {
  mesh = await IdentityMesh.start();
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

const tcpPolicy = (action: string, operation: string, source = "") =>
  policy("tcp-policy", `{ ${HTTPBIN}, action: ${action}, rules: [{ ${source}to: [{ operation: ${operation} }] }] }`);

test("ALLOW of a port closes the others", async () => {
  await mesh.apply(tcpPolicy("ALLOW", `{ ports: ["${portOf("bytes")}"] }`));
  expect([await bytes(), await mesh.call("bar", "foo")]).toEqual(["got", 403]);
  await mesh.apply(tcpPolicy("ALLOW", `{ ports: ["${portOf("http")}"] }`));
  expect([await bytes(), await mesh.call("bar", "foo")]).toEqual(["refused", 200]);
});

test("ALLOW with a method is for no connection, and is left out", async () => {
  await mesh.apply(tcpPolicy("ALLOW", `{ methods: ["GET"], ports: ["${portOf("bytes")}"] }`));
  expect(await bytes()).toBe("refused");
});

test("DENY with a method is for every connection to its ports", async () => {
  await mesh.apply(tcpPolicy("DENY", `{ methods: ["GET"], ports: ["${portOf("bytes")}"] }`));
  expect([await bytes(), await mesh.call("bar", "foo")]).toEqual(["refused", 200]);
  await mesh.apply(tcpPolicy("DENY", `{ methods: ["GET"] }`));
  expect([await bytes(), await mesh.call("bar", "foo")]).toEqual(["refused", 403]);
});

test("by who calls", async () => {
  const from = (namespace: string) => `from: [{ source: { namespaces: [${namespace}] } }], `;
  await mesh.apply(tcpPolicy("ALLOW", `{ ports: ["${portOf("bytes")}"] }`, from("bar")));
  expect([await bytes(), await mesh.call("foo", "foo", "bytes"), await mesh.call("legacy", "foo", "bytes")]).toEqual([
    "got",
    "refused",
    "refused",
  ]);
  await mesh.apply(tcpPolicy("DENY", `{ ports: ["${portOf("bytes")}"] }`, from("bar")));
  expect([await bytes(), await mesh.call("legacy", "foo", "bytes")]).toEqual(["refused", "got"]);
});

test("and where nobody says what is spoken, as bytes or as requests", async () => {
  await mesh.apply(tcpPolicy("ALLOW", `{ methods: ["GET"], ports: ["${portOf("any")}"] }`));
  expect(await mesh.call("bar", "foo", "any")).toBe(200);
  await mesh.apply(tcpPolicy("DENY", `{ methods: ["GET"], ports: ["${portOf("any")}"] }`));
  expect(await mesh.call("bar", "foo", "any")).toBe(403);
});
