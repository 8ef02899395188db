import { afterAll, beforeAll, expect, test } from "vitest";
import { Caller, HTTPBIN, policy } from "./tasks/authorization.ts";
import { IdentityMesh } from "./tasks/identity-mesh.ts";

// AuthorizationPolicies with errors, from the file to the answer: nothing that they were to protect is open.

let mesh: IdentityMesh;
let call: Caller;

/** What is allowed of requests for /a and /b, and of connections. */
const answers = async () => [await call.get("bar", "/a"), await call.get("bar", "/b"), await mesh.call("bar", "foo", "bytes")];
const said = () => mesh.mesh.service.problems().flatMap(({ level, code }) => (level === "info" || code === "IST0118" ? [] : [code]));

const http = () => `notPorts: ["${mesh.program("foo").ports.bytes}"]`;
const good = () => policy("p", `{ ${HTTPBIN}, action: DENY, rules: [{ to: [{ operation: { paths: [/a], ${http()} } }] }] }`);
const refused = () =>
  policy(
    "p",
    `{ ${HTTPBIN}, action: DENY, rules: [{ from: [{ source: { ipBlocks: [here] } }], to: [{ operation: { paths: [/b], ${http()} } }] }] }`,
  );

beforeAll(async () => {
  mesh = await IdentityMesh.start();
  call = new Caller(mesh);
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

test("a new one denies what is left of its rules, and says so; once it is mended, what it says", async () => {
  await mesh.apply(refused());
  expect(await answers()).toEqual([200, 403, "got"]);
  expect(said()).toEqual(expect.arrayContaining(["MW0004", "MW0014"]));
  await mesh.apply(good());
  expect(await answers()).toEqual([403, 200, "got"]);
  expect(said()).not.toContain("MW0014");
});

test("an edit with an error leaves what was good in force, and so does a file that is no YAML", async () => {
  await mesh.apply(refused());
  expect(await answers()).toEqual([403, 200, "got"]);
  expect(said()).toContain("MW0014");
  await mesh.apply(`${good()} }: [`);
  expect(await answers()).toEqual([403, 200, "got"]);
  await mesh.apply("");
  expect(await answers()).toEqual([200, 200, "got"]);
});

test("a new one that cannot be read by parts closes its workloads, and no others", async () => {
  await mesh.apply(policy("q", `{ ${HTTPBIN}, action: DENY, rule: [{ to: [{ operation: { paths: [/a] } }] }] }`));
  expect(await answers()).toEqual([403, 403, "refused"]);
  expect(await mesh.call("foo", "bar")).toBe(200);
  await mesh.apply(policy("r", `{ selector: { matchLabels: { app: other } }, action: DENY, rule: [] }`));
  expect(await answers()).toEqual([200, 200, "got"]);
});

test("of ALLOW, allows nothing", async () => {
  await mesh.apply(policy("s", `{ ${HTTPBIN}, rules: [{ when: [{ key: destination.user, values: [a] }] }, {}] }`));
  expect(await answers()).toEqual([403, 403, "refused"]);
});
