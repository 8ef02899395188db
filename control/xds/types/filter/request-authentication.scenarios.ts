import { createServer as createHttps } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { FUTURE, ISSUER, keySet, sign, type SigningKey, signingKey } from "../../../../filters/authentication/tokens.mts";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { SecretSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { XDS_TYPES, type XdsType } from "../index.ts";
import { ask, type Question, type Told } from "../testing/ask.ts";
import { echo } from "../testing/echo-mesh.ts";
import { RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

// RequestAuthentication, field by field, in a real Envoy: what a sidecar lets pass to its workload, and what the workload gets.

const SIDECAR = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local";
const OTHER = "https://other.example.com";

let app: Upstream;
let keys: Upstream;
let sidecar: RunningProxy;
let key: SigningKey;
let otherKey: SigningKey;

/** A server of keys with a certificate of an authority that takes the place of those that everybody trusts. */
const tls = identityOf("localhost");
const secureKeys = createHttps({ cert: tls.certificate, key: tls.key }, (_, response) => response.end(keySet(key)));
const securePort = () => (secureKeys.address() as AddressInfo).port;

/** The types of resources, with that authority. */
const types: readonly XdsType[] = XDS_TYPES.map((type) =>
  type.name !== "secret"
    ? type
    : {
        ...type,
        translate: (view, unit) =>
          unit !== "file-root:system"
            ? type.translate(view, unit)
            : [
                {
                  name: unit,
                  message: create(SecretSchema, {
                    name: unit,
                    type: {
                      case: "validationContext",
                      value: { trustedCa: { specifier: { case: "inlineBytes", value: Buffer.from(tls.authority) } } },
                    },
                  }),
                },
              ],
      },
);

interface Policy {
  readonly namespace?: string;
  readonly name?: string;
  readonly selector?: Readonly<Record<string, string>>;
  readonly rules: readonly object[];
}

/** Has the sidecar take these RequestAuthentications, and objects beside them. */
async function apply(policies: readonly Policy[], more: readonly object[] = []): Promise<void> {
  await sidecar.update({ view: viewOf(policies, more), types });
  expect(sidecar.refusals()).toEqual([]);
}

function viewOf(policies: readonly Policy[], more: readonly object[]) {
  const objects = policies.map(({ namespace = "default", name = "policy", selector, rules }, index) => ({
    apiVersion: "security.istio.io/v1",
    kind: "RequestAuthentication",
    metadata: { name: `${name}-${index}`, namespace },
    spec: { ...(selector === undefined ? {} : { selector: { matchLabels: selector } }), jwtRules: rules },
  }));
  const ingress = { port: { number: 9080, protocol: "HTTP", name: "http" }, defaultEndpoint: `127.0.0.1:${app.port}` };
  const scope = {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: { name: "app" },
    spec: { ingress: [ingress], egress: [{ hosts: ["./nothing.test"] }] },
  };
  const yaml = [scope, ...objects, ...more].map((each) => stringify(each)).join("---\n");
  return viewOfYaml(yaml, { nodeId: SIDECAR, metadata: { LABELS: { app: "app" } } });
}

const request = (question: Question = {}): Promise<Told> =>
  ask(sidecar.connection("inbound", "10.0.0.1:9080"), { host: "app.test", ...question });
const bearer = (token: string, question: Question = {}) => request({ ...question, headers: [["authorization", `Bearer ${token}`]] });

/** The status where the token stands in the usual place. */
const statusOf = async (token: string) => (await bearer(token)).status;

/** A service of the mesh, or a host outside, at a port of this machine. */
const entry = (host: string, protocol: string, port: number, more: object = {}) => ({
  apiVersion: "networking.istio.io/v1",
  kind: "ServiceEntry",
  metadata: { name: host.split(".")[0] },
  spec: {
    hosts: [host],
    ports: [{ number: 8000, name: protocol.toLowerCase(), protocol, targetPort: port }],
    resolution: "STATIC",
    endpoints: [{ address: "127.0.0.1" }],
    ...more,
  },
});

const good = (fields: object = {}) => ({ issuer: ISSUER, jwks: keySet(key), ...fields });

beforeAll(async () => {
  [key, otherKey] = [await signingKey("ES256", "one"), await signingKey("ES256", "two")];
  app = await startUpstream({ script: echo("reviews-v1"), keep: 5_000 });
  keys = await startUpstream({
    script: async ({ path }) => {
      if (path.startsWith("/slow/")) await new Promise((resolve) => setTimeout(resolve, 1_500));
      return { body: keySet(key) };
    },
  });
  secureKeys.listen(0, "127.0.0.1");
  await once(secureKeys, "listening");
  sidecar = await RunningProxy.start({ view: viewOf([], []), types, nodeId: SIDECAR });
});
afterAll(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  secureKeys.closeAllConnections();
  secureKeys.close();
  await keys?.[Symbol.asyncDispose]();
  await app?.[Symbol.asyncDispose]();
});

describe("a token", () => {
  test("of the issuer, signed with a key of the set, passes; none passes too; any other is refused, with the words of Istio's", async () => {
    await apply([{ rules: [good()] }]);
    expect([(await request()).status, await statusOf(await sign(key))]).toEqual([200, 200]);
    expect(await bearer(await sign(key, { iss: OTHER }))).toMatchObject({ status: 401, body: "Jwt issuer is not configured" });
    expect(await bearer(await sign(key, { exp: 1 }))).toMatchObject({ status: 401, body: "Jwt is expired" });
    expect(await bearer(await sign(otherKey, {}, { kid: "one" }))).toMatchObject({ status: 401, body: "Jwt verification fails" });
    expect(await bearer("a.b")).toMatchObject({ status: 401 });
  });

  test("must be for one of the audiences", async () => {
    await apply([{ rules: [good({ audiences: ["shop", "https://books.example.com/"] })] }]);
    const answers = await Promise.all(
      ["shop", ["x", "books.example.com"], "other", undefined].map(async (aud) => statusOf(await sign(key, { aud }))),
    );
    expect(answers).toEqual([200, 200, 403, 403]);
  });

  test("is looked for in headers, with their prefix", async () => {
    await apply([{ rules: [good({ fromHeaders: [{ name: "x-jwt", prefix: "JWT " }, { name: "x-bare" }] })] }]);
    const [fine, bad] = [await sign(key), await sign(otherKey)];
    const status = async (name: string, value: string) => (await request({ headers: [[name, value]] })).status;
    expect([await status("x-jwt", `JWT ${fine}`), await status("x-jwt", `JWT ${bad}`), await status("x-jwt", bad)]).toEqual([
      200, 401, 200,
    ]);
    expect([await status("x-bare", fine), await status("x-bare", bad)]).toEqual([200, 401]);
    // The usual place is none of these.
    expect(await statusOf(bad)).toBe(200);
  });

  test("is looked for in the query, and in cookies", async () => {
    await apply([{ rules: [good({ fromParams: ["token"], fromCookies: ["session"] })] }]);
    const [fine, bad] = [await sign(key), await sign(otherKey)];
    const query = async (name: string, token: string) => (await request({ path: `/?${name}=${token}` })).status;
    const cookie = async (token: string) => (await request({ headers: [["cookie", `a=b; session=${token}`]] })).status;
    expect([await query("token", fine), await query("token", bad), await query("access_token", bad)]).toEqual([200, 401, 200]);
    expect([await cookie(fine), await cookie(bad)]).toEqual([200, 401]);
  });

  test("is taken from the request, unless it is to be forwarded", async () => {
    const token = await sign(key);
    await apply([{ rules: [good()] }]);
    expect((await bearer(token)).seen?.headers).not.toHaveProperty("authorization");
    expect((await request({ path: `/?a=b&access_token=${token}` })).seen?.path).toBe("/?a=b");
    await apply([{ rules: [good({ forwardOriginalToken: true })] }]);
    expect((await bearer(token)).seen?.headers["authorization"]).toBe(`Bearer ${token}`);
  });

  test("leaves its payload and its claims in headers, where nobody else can write", async () => {
    const outputs = [
      { header: "x-team", claim: "realm.team" },
      { header: "X-Level", claim: "level" },
    ];
    await apply([{ rules: [good({ outputPayloadToHeader: "x-payload", outputClaimToHeaders: outputs })] }]);
    const claims = { realm: { team: "books" }, level: 7 };
    const token = await sign(key, claims);
    const { seen } = await bearer(token);
    expect(seen?.headers).toMatchObject({ "x-payload": token.split(".")[1], "x-team": "books", "x-level": "7" });
    const forged = ["x-payload", "x-team", "x-level"].map((name) => [name, "forged"] as const);
    const { seen: without } = await request({ headers: forged });
    expect(Object.keys(without?.headers ?? {}).filter((name) => forged.some(([each]) => each === name))).toEqual([]);
  });
});

describe("rules", () => {
  test("of all policies of the workload are joined: of the mesh, the namespace and the workload", async () => {
    const issuer = (name: string) => `https://${name}.example.com`;
    const rules = (name: string) => [{ issuer: issuer(name), jwks: keySet(key) }];
    await apply([
      { namespace: "istio-system", rules: rules("mesh") },
      { namespace: "istio-system", selector: { app: "app" }, rules: rules("mesh-workload") },
      { rules: rules("namespace") },
      { selector: { app: "app" }, rules: rules("workload") },
      { selector: { app: "other" }, rules: rules("other-workload") },
      { namespace: "elsewhere", rules: rules("other-namespace") },
    ]);
    const takes = async (name: string) => (await statusOf(await sign(key, { iss: issuer(name) }))) === 200;
    const names = ["mesh", "mesh-workload", "namespace", "workload", "other-workload", "other-namespace"];
    const taken = await Promise.all(names.map(async (name) => ((await takes(name)) ? [name] : [])));
    expect(taken.flat()).toEqual(["mesh", "mesh-workload", "namespace", "workload"]);
  });

  test("of one issuer are tried one after the other", async () => {
    await apply([{ rules: [good({ audiences: ["a"] }), { ...good({ audiences: ["b"] }), jwks: keySet(otherKey) }] }]);
    const statuses = [await sign(key, { aud: "a" }), await sign(otherKey, { aud: "b" }), await sign(otherKey, { aud: "a" })].map(statusOf);
    expect(await Promise.all(statuses)).toEqual([200, 200, expect.any(Number)]);
    expect(await statuses[2]).toBeGreaterThan(400);
  });

  test("say each for their tokens whether these are forwarded", async () => {
    await apply([{ rules: [good()] }, { rules: [{ ...good({ forwardOriginalToken: true }), issuer: OTHER }] }]);
    const token = await sign(key, { iss: OTHER });
    expect((await bearer(token)).seen?.headers["authorization"]).toBe(`Bearer ${token}`);
    expect((await bearer(await sign(key))).seen?.headers).not.toHaveProperty("authorization");
  });

  test("without an issuer take the tokens of any, if their keys have signed them", async () => {
    await apply([{ rules: [{ jwksUri: `http://localhost:${keys.port}/any` }] }]);
    await expect.poll(async () => statusOf(await sign(key, { iss: OTHER })), { timeout: 10_000 }).toBe(200);
    expect(await statusOf(await sign(otherKey, { iss: OTHER }, { kid: "one" }))).toBe(401);
  });

  test("of none leave everything as it is", async () => {
    await apply([{ rules: [] }]);
    expect((await bearer("nonsense")).seen?.headers["authorization"]).toBe("Bearer nonsense");
  });

  test("stand beside what a WasmPlugin has the filter do", async () => {
    const plugin = {
      apiVersion: "extensions.istio.io/v1alpha1",
      kind: "WasmPlugin",
      metadata: { name: "more" },
      spec: {
        url: "builtin://authentication",
        pluginConfig: { jwtRules: [{ issuer: OTHER, jwks: keySet(otherKey) }], required: true },
      },
    };
    await apply([{ rules: [good()] }], [plugin]);
    expect([await statusOf(await sign(key)), await statusOf(await sign(otherKey, { iss: OTHER })), (await request()).status]).toEqual([
      200, 200, 401,
    ]);
  });
});

describe("keys are fetched", () => {
  /** A token passes as soon as the cluster is warm. */
  const passes = async (token: string) => expect.poll(() => statusOf(token), { timeout: 10_000 }).toBe(200);

  test("from a host that DNS knows, without TLS", async () => {
    await apply([{ rules: [{ issuer: ISSUER, jwksUri: `http://localhost:${keys.port}/keys`, timeout: "2s" }] }]);
    await passes(await sign(key));
    expect(keys.requests.at(-1)).toMatchObject({ path: "/keys", authority: `localhost:${keys.port}` });
    expect(await statusOf(await sign(otherKey, {}, { kid: "one" }))).toBe(401);
  });

  test("in the time that they may take, and no longer", async () => {
    const rules = (name: string, more: object) => [{ issuer: ISSUER, jwksUri: `http://localhost:${keys.port}/slow/${name}`, ...more }];
    const token = await sign(key);
    await apply([{ rules: rules("short", { timeout: "0.3s" }) }]);
    const refused = async () => {
      expect(await bearer(token)).toMatchObject({ status: 401, body: "Jwks remote fetch is failed" });
      return keys.requests.map(({ path }) => path);
    };
    await expect.poll(refused, { timeout: 20_000 }).toContain("/slow/short");
    await refused();
    await apply([{ rules: rules("long", { timeout: "20s" }) }]);
    await passes(token);
  });

  test("from an address", async () => {
    await apply([{ rules: [{ issuer: ISSUER, jwksUri: `http://127.0.0.1:${keys.port}/address` }] }]);
    await passes(await sign(key));
    expect(keys.requests.at(-1)?.path).toBe("/address");
  });

  test("from a service of the mesh, which nobody else need know, nor the Sidecar import", async () => {
    const rules = [{ issuer: ISSUER, jwksUri: "http://jwt.test:8000/mesh?v=1" }];
    await apply([{ rules }], [entry("jwt.test", "HTTP", keys.port)]);
    await passes(await sign(key));
    expect(keys.requests.at(-1)).toMatchObject({ path: "/mesh?v=1", authority: "jwt.test:8000" });
    // Elsewhere from now on: the cluster follows.
    await apply([{ rules }], [entry("jwt.test", "HTTP", 1)]);
    await apply([{ rules: [...rules, { issuer: OTHER, jwksUri: "http://jwt.test:8000/again" }] }], [entry("jwt.test", "HTTP", keys.port)]);
    await passes(await sign(key, { iss: OTHER }));
  });

  test("by TLS, from whoever proves to be the host of the URI", async () => {
    await apply([{ rules: [{ issuer: ISSUER, jwksUri: `https://localhost:${securePort()}/keys` }] }]);
    await passes(await sign(key));
    const count = async () => (await sidecar.envoy.admin.stats("^cluster\\.jwks.*127\\.0\\.0\\.1.*ssl\\.fail_verify")).values;
    const failures = async () => Object.values(await count()).reduce((sum, each) => sum + each, 0);
    await apply([{ rules: [{ issuer: ISSUER, jwksUri: `https://127.0.0.1:${securePort()}/keys` }] }]);
    await expect.poll(failures, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(await bearer(await sign(key))).toMatchObject({ status: 401, body: "Jwks remote fetch is failed" });
  });

  test("by TLS that passes through the mesh: the proxy begins it", async () => {
    const rules = [{ issuer: ISSUER, jwksUri: "https://localhost:8000/keys" }];
    await apply([{ rules }], [entry("localhost", "HTTPS", securePort())]);
    await passes(await sign(key));
  });

  test("once: a change of a rule keeps those that are there, also while their server is out", async () => {
    const rules = (more: object) => [{ issuer: ISSUER, jwksUri: "http://jwt.test:8000/once", ...more }];
    const service = entry("jwt.test", "HTTP", keys.port);
    await apply([{ rules: rules({}) }], [service]);
    await passes(await sign(key, { aud: "a" }));
    const before = keys.requests.length;
    await apply([{ rules: rules({ audiences: ["b"] }) }], [entry("jwt.test", "HTTP", 1)]);
    expect(await Promise.all([sign(key, { aud: "a" }), sign(key, { aud: "b" })].map(async (token) => statusOf(await token)))).toEqual([
      403, 200,
    ]);
    expect(keys.requests.length).toBe(before);
  });

  test("from nowhere where the issuer was to tell and did not: its tokens are refused, and others are as they were", async () => {
    await apply([{ rules: [{ issuer: "https://undiscovered.example.com" }, good({})] }]);
    expect(await bearer(await sign(key, { iss: "https://undiscovered.example.com" }))).toMatchObject({
      status: 401,
      body: "Jwks remote fetch is failed",
    });
    expect([await statusOf(await sign(key)), (await request()).status]).toEqual([200, 200]);
  });
});

test("tokens are checked anew by the rule that a change brings", async () => {
  const token = await sign(key, { aud: "a", exp: FUTURE });
  await apply([{ rules: [good({ audiences: ["a"] })] }]);
  expect(await statusOf(token)).toBe(200);
  await apply([{ rules: [good({ audiences: ["b"] })] }]);
  expect(await statusOf(token)).toBe(403);
  await apply([{ rules: [{ ...good(), jwks: keySet(otherKey) }] }]);
  expect(await statusOf(token)).toBe(401);
});
