import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Asked, GuardedApp, type GuardedPort } from "../testing/guarded-app.ts";

// AuthorizationPolicy for connections that carry no HTTP, rule by rule, in a real Envoy.

const CHECKOUT = "cluster.local/ns/shop/sa/checkout";
const ROBOT = "cluster.local/ns/ops/sa/robot";

let guarded: GuardedApp;

beforeAll(async () => {
  guarded = await GuardedApp.start();
});
afterAll(async () => {
  await guarded?.[Symbol.asyncDispose]();
});

interface Row {
  readonly rule: object;
  readonly matching?: readonly Asked[];
  readonly others?: readonly Asked[];
}

const shop: Asked = { port: "tls", as: CHECKOUT };
const ops: Asked = { port: "tls", as: ROBOT };
const plain: Asked = { port: "bytes" };
const source = (fields: object) => ({ from: [{ source: fields }] });
const operation = (fields: object) => ({ to: [{ operation: fields }] });
const when = (key: string, values: readonly string[]) => ({ when: [{ key, values }] });
const whenNot = (key: string, notValues: readonly string[]) => ({ when: [{ key, notValues }] });
const port = (name: GuardedPort) => String(guarded.ports[name]);

test.each<[string, () => Row]>([
  ["principals", () => ({ rule: source({ principals: [CHECKOUT] }), matching: [shop], others: [ops, plain] })],
  ["principals: prefix", () => ({ rule: source({ principals: ["cluster.local/ns/shop/*"] }), matching: [shop], others: [ops, plain] })],
  ["principals: suffix", () => ({ rule: source({ principals: ["*/sa/checkout"] }), matching: [shop], others: [ops, plain] })],
  ["principals: any", () => ({ rule: source({ principals: ["*"] }), matching: [shop, ops], others: [plain] })],
  ["notPrincipals", () => ({ rule: source({ notPrincipals: [CHECKOUT] }), matching: [ops, plain], others: [shop] })],
  ["namespaces", () => ({ rule: source({ namespaces: ["sh*"] }), matching: [shop], others: [ops, plain] })],
  ["notNamespaces", () => ({ rule: source({ notNamespaces: ["shop"] }), matching: [ops, plain], others: [shop] })],
  [
    "serviceAccounts",
    () => ({
      rule: source({ serviceAccounts: ["shop/checkout", "local"] }),
      matching: [shop, { port: "tls", as: "cluster.local/ns/default/sa/local" }],
      others: [ops, plain, { port: "tls", as: "cluster.local/ns/default/sa/locale" }],
    }),
  ],
  ["notServiceAccounts", () => ({ rule: source({ notServiceAccounts: ["shop/checkout"] }), matching: [ops, plain], others: [shop] })],
  ["ipBlocks", () => ({ rule: source({ ipBlocks: ["127.0.0.0/8", "::1"] }), matching: [plain] })],
  ["ipBlocks of others", () => ({ rule: source({ ipBlocks: ["10.0.0.0/8"] }), others: [plain] })],
  ["notIpBlocks", () => ({ rule: source({ notIpBlocks: ["127.0.0.1"] }), others: [plain] })],
  ["remoteIpBlocks", () => ({ rule: source({ remoteIpBlocks: ["127.0.0.1"] }), matching: [plain] })],
  ["notRemoteIpBlocks", () => ({ rule: source({ notRemoteIpBlocks: ["127.0.0.1"] }), others: [plain] })],
  ["ports", () => ({ rule: operation({ ports: [port("bytes")] }), matching: [plain], others: [shop] })],
  ["notPorts", () => ({ rule: operation({ notPorts: [port("bytes")] }), matching: [shop], others: [plain] })],
  [
    "several sources and operations",
    () => ({
      rule: {
        from: [{ source: { namespaces: ["shop"] } }, { source: { namespaces: ["ops"], ipBlocks: ["10.0.0.0/8"] } }],
        to: [{ operation: { ports: [port("tls")] } }, { operation: { ports: ["1"] } }],
      },
      matching: [shop],
      others: [ops, plain],
    }),
  ],
  ["source.principal", () => ({ rule: when("source.principal", [CHECKOUT]), matching: [shop], others: [ops, plain] })],
  ["source.namespace", () => ({ rule: whenNot("source.namespace", ["shop"]), matching: [ops, plain], others: [shop] })],
  ["source.serviceAccount", () => ({ rule: when("source.serviceAccount", ["shop/checkout"]), matching: [shop], others: [ops] })],
  ["source.ip", () => ({ rule: when("source.ip", ["127.0.0.1"]), matching: [plain] })],
  ["remote.ip", () => ({ rule: whenNot("remote.ip", ["127.0.0.1"]), others: [plain] })],
  ["destination.ip", () => ({ rule: when("destination.ip", ["127.0.0.1"]), matching: [plain] })],
  ["destination.port", () => ({ rule: whenNot("destination.port", [port("tls")]), matching: [plain], others: [shop] })],
  [
    "connection.sni",
    () => ({ rule: when("connection.sni", ["*.shop.test"]), matching: [{ ...shop, sni: "a.shop.test" }], others: [shop, plain] }),
  ],
])("%s", async (_, row) => {
  const { rule, matching = [], others = [] } = row();
  const answers = async (list: readonly Asked[]) => await Promise.all(list.map((asked) => guarded.isAnswered(asked)));
  for (const action of ["ALLOW", "DENY"] as const) {
    await guarded.authorize({ action, rules: [rule] });
    expect([action, await answers(matching), await answers(others)]).toEqual([
      action,
      matching.map(() => action === "ALLOW"),
      others.map(() => action === "DENY"),
    ]);
  }
});

describe("what a rule says of requests", () => {
  const both = { from: [{ source: { namespaces: ["shop"] } }], to: [{ operation: { methods: ["GET"], ports: [] } }] };

  test.each<[string, object]>([
    ["methods", operation({ methods: ["GET"] })],
    ["notPaths", operation({ notPaths: ["/a"] })],
    ["hosts, beside a port", { to: [{ operation: { hosts: ["*"] } }, { operation: { ports: ["1"] } }] }],
    ["requestPrincipals", source({ requestPrincipals: ["*"] })],
    ["request.headers", when("request.headers[x]", ["*"])],
    ["request.auth.claims", whenNot("request.auth.claims[a]", ["b"])],
  ])("has an ALLOW rule match no connection, and widens DENY: %s", async (_, rule) => {
    await guarded.authorize({ rules: [rule] });
    expect(await guarded.isAnswered()).toBe(false);
    await guarded.authorize({ action: "DENY", rules: [rule] });
    expect(await guarded.isAnswered()).toBe(false);
  });

  test("leaves the rest of a DENY rule, and other rules of ALLOW, in force", async () => {
    await guarded.authorize({ action: "DENY", rules: [both] });
    expect([await guarded.isAnswered(shop), await guarded.isAnswered(ops)]).toEqual([false, true]);
    await guarded.authorize({ rules: [both, source({ namespaces: ["ops"] })] });
    expect([await guarded.isAnswered(shop), await guarded.isAnswered(ops)]).toEqual([false, true]);
  });
});

test("a port of which nobody says what is spoken is guarded both ways", async () => {
  // A connection whose bytes are no HTTP is bytes.
  await guarded.authorize({ rules: [operation({ ports: [port("any")], methods: ["GET"] })] });
  expect([await guarded.status({ port: "any" }), await guarded.status({ port: "any", method: "PUT" })]).toEqual([200, 403]);
  await guarded.authorize({ rules: [operation({ ports: [port("any")] })] });
  expect([await guarded.status({ port: "any" }), await guarded.status()]).toEqual([200, 403]);
});

test("a dry run decides nothing, and counts what it would", async () => {
  const count = async (name: string) => {
    const { values } = await guarded.proxy.envoy.admin.stats(`tcp\\.rbac\\..*${name}$`);
    return Object.values(values).reduce((sum, value) => sum + value, 0);
  };
  await guarded.authorize({ action: "DENY", rules: [operation({ ports: [port("bytes")] })] }, { "istio.io/dry-run": "true" });
  const before = await count("shadow_denied");
  expect(await guarded.isAnswered()).toBe(true);
  expect((await count("shadow_denied")) - before).toBe(1);
});

test("ALLOW counts beside AUDIT, and DENY goes before it", async () => {
  await guarded.apply([
    { name: "all", spec: { rules: [{}] } },
    { name: "audit", spec: { action: "AUDIT", rules: [{}] } },
    { name: "deny", spec: { action: "DENY", rules: [source({ namespaces: ["shop"] })] } },
  ]);
  expect([await guarded.isAnswered(shop), await guarded.isAnswered(ops), await guarded.isAnswered()]).toEqual([false, true, true]);
});

test("principals of aliases of the trust domain are the mesh's", async () => {
  const config = "apiVersion: v1\nkind: MeshConfig\nmetadata: { name: istio }\ntrustDomain: new.test\ntrustDomainAliases: [old.test]\n";
  await guarded.apply([{ spec: { rules: [source({ principals: ["cluster.local/ns/shop/sa/checkout"] })] } }], config);
  const answers = ["new.test", "old.test", "cluster.local"].map((domain) =>
    guarded.isAnswered({ port: "tls", as: `${domain}/ns/shop/sa/checkout` }),
  );
  expect(await Promise.all(answers)).toEqual([true, true, false]);
});
