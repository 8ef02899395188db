import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ISSUER, keySet, sign, type SigningKey, signingKey } from "../../../../filters/authentication/tokens.mts";
import { type Asked, GuardedApp } from "../testing/guarded-app.ts";

// AuthorizationPolicy, field by field, in a real Envoy: each rule as ALLOW and as DENY, with requests that it is for and others.

const CHECKOUT = "cluster.local/ns/shop/sa/checkout";
const ROBOT = "cluster.local/ns/ops/sa/robot";

let guarded: GuardedApp;
let key: SigningKey;

beforeAll(async () => {
  key = await signingKey("ES256", "one");
  guarded = await GuardedApp.start();
});
afterAll(async () => {
  await guarded?.[Symbol.asyncDispose]();
});

interface Row {
  readonly rule: object;
  readonly matching: readonly Asked[];
  readonly others: readonly Asked[];
}

const source = (fields: object) => ({ from: [{ source: fields }] });
const operation = (fields: object) => ({ to: [{ operation: fields }] });
const when = (name: string, values: readonly string[]) => ({ when: [{ key: name, values }] });
const whenNot = (name: string, notValues: readonly string[]) => ({ when: [{ key: name, notValues }] });
const header = (name: string, value: string): Asked => ({ headers: [[name, value]] });
const path = (text: string): Asked => ({ path: text });
const shop: Asked = { as: CHECKOUT };
const ops: Asked = { as: ROBOT };
const plain: Asked = {};

async function holds(name: string, { rule, matching, others }: Row, more: readonly { kind: string; spec: object }[] = []): Promise<void> {
  const statuses = async (list: readonly Asked[]) => await Promise.all(list.map((asked) => guarded.status(asked)));
  for (const [action, match, miss] of [
    ["ALLOW", 200, 403],
    ["DENY", 403, 200],
  ] as const) {
    await guarded.apply([{ spec: { action, rules: [rule] } }, ...more]);
    expect([action, name, await statuses(matching)]).toEqual([action, name, matching.map(() => match)]);
    expect([action, name, await statuses(others)]).toEqual([action, name, others.map(() => miss)]);
  }
}

describe("a source", () => {
  test.each<[string, Row]>([
    ["principals", { rule: source({ principals: [CHECKOUT] }), matching: [shop], others: [ops, plain] }],
    ["principals: prefix", { rule: source({ principals: ["cluster.local/ns/shop/*"] }), matching: [shop], others: [ops, plain] }],
    ["principals: suffix", { rule: source({ principals: ["*/sa/checkout"] }), matching: [shop], others: [ops, plain] }],
    ["principals: any", { rule: source({ principals: ["*"] }), matching: [shop, ops], others: [plain] }],
    ["notPrincipals", { rule: source({ notPrincipals: [CHECKOUT] }), matching: [ops, plain], others: [shop] }],
    ["namespaces", { rule: source({ namespaces: ["shop"] }), matching: [shop], others: [ops, plain] }],
    ["namespaces: star", { rule: source({ namespaces: ["sh*"] }), matching: [shop], others: [ops, plain] }],
    ["notNamespaces", { rule: source({ notNamespaces: ["shop"] }), matching: [ops, plain], others: [shop] }],
    [
      "serviceAccounts",
      {
        rule: source({ serviceAccounts: ["shop/checkout", "local"] }),
        matching: [shop, { as: "cluster.local/ns/default/sa/local" }],
        others: [ops, plain, { as: "cluster.local/ns/shop/sa/local" }],
      },
    ],
    ["notServiceAccounts", { rule: source({ notServiceAccounts: ["shop/checkout"] }), matching: [ops, plain], others: [shop] }],
    ["ipBlocks", { rule: source({ ipBlocks: ["127.0.0.0/8"] }), matching: [plain, header("x-forwarded-for", "10.0.0.1")], others: [] }],
    [
      "ipBlocks of others",
      { rule: source({ ipBlocks: ["10.0.0.0/8", "::1"] }), matching: [], others: [plain, header("x-forwarded-for", "10.0.0.1")] },
    ],
    ["notIpBlocks", { rule: source({ notIpBlocks: ["127.0.0.1"] }), matching: [], others: [plain, header("x-forwarded-for", "10.0.0.1")] }],
    [
      "remoteIpBlocks",
      {
        rule: source({ remoteIpBlocks: ["10.0.0.0/8", "fd00::/8"] }),
        matching: [header("x-forwarded-for", "192.0.2.1, 10.0.0.1"), header("x-forwarded-for", "fd00::1")],
        others: [plain, header("x-forwarded-for", "10.0.0.1, 192.0.2.1")],
      },
    ],
    [
      "notRemoteIpBlocks",
      { rule: source({ notRemoteIpBlocks: ["10.0.0.1"] }), matching: [plain], others: [header("x-forwarded-for", "10.0.0.1")] },
    ],
    [
      "several sources, all fields of each",
      {
        rule: {
          from: [
            { source: { namespaces: ["shop"], ipBlocks: ["10.0.0.0/8"] } },
            { source: { namespaces: ["ops"], ipBlocks: ["127.0.0.1"] } },
          ],
        },
        matching: [ops],
        others: [shop, plain],
      },
    ],
  ])("%s", async (name, row) => {
    await holds(name, row);
  });
});

describe("an operation", () => {
  test.each<[string, () => Row]>([
    [
      "hosts",
      () => ({
        rule: operation({ hosts: ["a.test", "b.test:*", "*.c.test"] }),
        matching: [{ host: "a.test" }, { host: "A.Test" }, { host: "b.test:80" }, { host: "x.c.test" }],
        others: [{ host: "a.test:80" }, { host: "b.test" }, { host: "c.test" }, { host: "a.test." }],
      }),
    ],
    ["notHosts", () => ({ rule: operation({ notHosts: ["a.test"] }), matching: [{ host: "b.test" }], others: [{ host: "a.test" }] })],
    ["ports", () => ({ rule: operation({ ports: [String(guarded.ports.http)] }), matching: [plain], others: [shop, { port: "any" }] })],
    [
      "notPorts",
      () => ({ rule: operation({ notPorts: [String(guarded.ports.http)] }), matching: [shop, { port: "any" }], others: [plain] }),
    ],
    [
      "methods",
      () => ({
        rule: operation({ methods: ["GET", "P*"] }),
        matching: [plain, { method: "PUT" }],
        others: [{ method: "DELETE" }],
      }),
    ],
    ["notMethods", () => ({ rule: operation({ notMethods: ["GET"] }), matching: [{ method: "DELETE" }], others: [plain] })],
    [
      "paths",
      () => ({
        rule: operation({ paths: ["/a", "/b/*", "*.json"] }),
        matching: [path("/a"), path("/a?q"), path("/b/c/d"), path("/x.json"), path("/x/../a"), path("/%61")],
        others: [path("/a/"), path("/A"), path("/b"), path("/x.json/y"), path("//a")],
      }),
    ],
    [
      "paths: templates",
      () => ({
        rule: operation({ paths: ["/one/{*}", "/rest/{**}", "/a/{*}/b"] }),
        matching: [path("/one/x"), path("/rest/"), path("/rest/x/y"), path("/a/x/b")],
        others: [path("/one/"), path("/one/x/y"), path("/rest"), path("/a/b"), path("/a/x/y/b")],
      }),
    ],
    ["notPaths", () => ({ rule: operation({ notPaths: ["/a", "/t/{*}"] }), matching: [path("/b")], others: [path("/a"), path("/t/x")] })],
  ])("%s", async (name, row) => {
    await holds(name, row());
  });
});

describe("a condition", () => {
  test.each<[string, () => Row]>([
    [
      "request.headers",
      () => ({
        rule: when("request.headers[X-Team]", ["red", "blue*"]),
        matching: [
          header("x-team", "red"),
          header("x-team", "blueish"),
          {
            headers: [
              ["x-team", "green"],
              ["x-team", "red"],
            ],
          },
        ],
        others: [plain, header("x-team", "green"), header("x-team", "red,blue")],
      }),
    ],
    [
      "request.headers: notValues",
      () => ({
        rule: whenNot("request.headers[x-team]", ["red"]),
        matching: [plain, header("x-team", "green")],
        others: [header("x-team", "red")],
      }),
    ],
    ["source.ip", () => ({ rule: when("source.ip", ["127.0.0.1"]), matching: [plain], others: [] })],
    ["source.ip: notValues", () => ({ rule: whenNot("source.ip", ["127.0.0.0/8"]), matching: [], others: [plain] })],
    ["remote.ip", () => ({ rule: when("remote.ip", ["10.0.0.1"]), matching: [header("x-forwarded-for", "10.0.0.1")], others: [plain] })],
    ["source.namespace", () => ({ rule: when("source.namespace", ["shop"]), matching: [shop], others: [ops, plain] })],
    ["source.principal", () => ({ rule: when("source.principal", [CHECKOUT]), matching: [shop], others: [ops, plain] })],
    [
      "source.serviceAccount",
      () => ({ rule: whenNot("source.serviceAccount", ["shop/checkout"]), matching: [ops, plain], others: [shop] }),
    ],
    ["destination.ip", () => ({ rule: when("destination.ip", ["127.0.0.1"]), matching: [plain], others: [] })],
    ["destination.ip of others", () => ({ rule: when("destination.ip", ["10.0.0.1"]), matching: [], others: [plain] })],
    ["destination.port", () => ({ rule: when("destination.port", [String(guarded.ports.https)]), matching: [shop], others: [plain] })],
    [
      "connection.sni",
      () => ({ rule: when("connection.sni", ["*.shop.test"]), matching: [{ ...shop, sni: "a.shop.test" }], others: [shop, plain] }),
    ],
  ])("%s", async (name, row) => {
    await holds(name, row());
  });
});

describe("a token", () => {
  const bearer = async (claims: Record<string, unknown>): Promise<Asked> => header("authorization", `Bearer ${await sign(key, claims)}`);
  const authentication = () => ({
    kind: "RequestAuthentication",
    spec: { jwtRules: [{ issuer: ISSUER, jwks: keySet(key), audiences: ["shop", "ops"] }] },
  });

  test.each<[string, object, Record<string, unknown>, Record<string, unknown> | undefined]>([
    ["requestPrincipals", source({ requestPrincipals: [`${ISSUER}/alice`] }), { sub: "alice" }, { sub: "bob" }],
    ["requestPrincipals: any", source({ requestPrincipals: ["*"] }), { sub: "alice" }, undefined],
    ["notRequestPrincipals", source({ notRequestPrincipals: [`${ISSUER}/bob`] }), { sub: "alice" }, { sub: "bob" }],
    ["request.auth.principal", when("request.auth.principal", [`${ISSUER}/al*`]), { sub: "alice" }, { sub: "bob" }],
    ["request.auth.audiences", when("request.auth.audiences", ["shop"]), { aud: ["shop"] }, { aud: ["ops"] }],
    ["request.auth.presenter", when("request.auth.presenter", ["portal"]), { azp: "portal" }, { azp: "other" }],
    ["request.auth.claims", when("request.auth.claims[groups]", ["staff"]), { groups: ["x", "staff"] }, { groups: ["x"] }],
    [
      "request.auth.claims, nested",
      when("request.auth.claims[realm][roles]", ["a"]),
      { realm: { roles: ["a"] } },
      { realm: { roles: "b" } },
    ],
  ])("%s", async (name, rule, matching, other) => {
    const audience = { aud: "shop" };
    const others = other === undefined ? [plain] : [await bearer({ ...audience, ...other })];
    await holds(name, { rule, matching: [await bearer({ ...audience, ...matching })], others }, [authentication()]);
  });
});

describe("policies", () => {
  const rules = (fields: object) => [operation(fields)];

  test("none allows everything; an ALLOW policy without rules nothing; an empty rule everything", async () => {
    await guarded.apply([]);
    expect([await guarded.status(), await guarded.isAnswered()]).toEqual([200, true]);
    await guarded.authorize({});
    expect([await guarded.status(), await guarded.isAnswered()]).toEqual([403, false]);
    await guarded.authorize({ rules: [{}] });
    expect([await guarded.status(), await guarded.isAnswered()]).toEqual([200, true]);
    await guarded.authorize({ action: "DENY", rules: [{}] });
    expect([await guarded.status(), await guarded.isAnswered()]).toEqual([403, false]);
    await guarded.authorize({ action: "AUDIT", rules: [{}] });
    expect([await guarded.status(), await guarded.isAnswered()]).toEqual([200, true]);
    await guarded.authorize({ action: "AUDIT" });
    expect([await guarded.status(), await guarded.isAnswered()]).toEqual([200, true]);
  });

  test("hold by root namespace, namespace and labels, DENY before ALLOW", async () => {
    const nothing = { name: "nothing", namespace: "istio-system", spec: {} };
    const selected = (app: string) => ({ selector: { matchLabels: { app } }, rules: rules({ paths: ["/a"] }) });
    await guarded.apply([nothing]);
    expect(await guarded.status(path("/a"))).toBe(403);
    await guarded.apply([nothing, { spec: selected("app") }]);
    expect([await guarded.status(path("/a")), await guarded.status()]).toEqual([200, 403]);
    await guarded.apply([nothing, { spec: selected("other") }]);
    expect(await guarded.status(path("/a"))).toBe(403);
    await guarded.apply([nothing, { namespace: "istio-system", name: "selected", spec: selected("app") }]);
    expect(await guarded.status(path("/a"))).toBe(200);
    await guarded.apply([{ namespace: "other", spec: {} }]);
    expect(await guarded.status(path("/a"))).toBe(200);
    const denies = { namespace: "istio-system", name: "denies", spec: { action: "DENY", rules: rules({ methods: ["PUT"] }) } };
    await guarded.apply([denies, { spec: { rules: [{}] } }]);
    expect([await guarded.status(), await guarded.status({ method: "PUT" })]).toEqual([200, 403]);
  });

  test("of dry runs decide nothing, and count what they would", async () => {
    const count = async (name: string) => {
      const { values } = await guarded.proxy.envoy.admin.stats(`authorization.${name}$`);
      return Object.values(values).reduce((sum, value) => sum + value, 0);
    };
    await guarded.authorize({ action: "DENY", rules: rules({ paths: ["/a"] }) }, { "istio.io/dry-run": "true" });
    const before = await count("shadow_denied");
    expect([await guarded.status(path("/a")), await guarded.status(path("/b"))]).toEqual([200, 200]);
    expect((await count("shadow_denied")) - before).toBe(1);
    await guarded.authorize({ action: "DENY", rules: rules({ paths: ["/a"] }) }, { "istio.io/dry-run": "false" });
    expect(await guarded.status(path("/a"))).toBe(403);
  });

  test("are joined with those of a WasmPlugin for the filter", async () => {
    const plugin = `
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: more }
spec: { url: "builtin://authorization", pluginConfig: { policies: [{ name: plugin, action: DENY, rules: [{ to: [{ operation: { paths: [/plugin] } }] }] }] } }
`;
    await guarded.apply([{ spec: { action: "DENY", rules: rules({ paths: ["/policy"] }) } }], plugin);
    expect([await guarded.status(path("/policy")), await guarded.status(path("/plugin")), await guarded.status()]).toEqual([403, 403, 200]);
  });

  test("take principals of other trust domains that are aliases", async () => {
    const config = (more: string) => `apiVersion: v1\nkind: MeshConfig\nmetadata: { name: istio }\n${more}\n`;
    const spec = { rules: [source({ principals: ["new.test/ns/shop/sa/checkout"] })] };
    const as = (domain: string): Asked => ({ as: `${domain}/ns/shop/sa/checkout` });
    await guarded.apply([{ spec }], config("trustDomain: new.test\ntrustDomainAliases: [old.test]"));
    const answers = async (domains: readonly string[]) => await Promise.all(domains.map((domain) => guarded.status(as(domain))));
    expect(await answers(["new.test", "old.test", "cluster.local", "x.test"])).toEqual([200, 200, 403, 403]);
    await guarded.apply([{ spec }], config("trustDomain: new.test"));
    expect(await answers(["new.test", "old.test"])).toEqual([200, 403]);
  });
});
