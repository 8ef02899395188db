import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { ISSUER, keySet, sign, signingKey } from "../../../../filters/authentication/tokens.mts";
import { checkResponse, type CheckResponse, readCheckRequest } from "../../../../filters/testing/ext-authz.ts";
import { type RecordedRequest, startUpstream, type Upstream, type UpstreamAnswer } from "../../../../harness/upstreams/index.ts";
import { GuardedApp, type WrittenPolicy } from "../testing/guarded-app.ts";

// AuthorizationPolicies of action CUSTOM in a real Envoy: every option of MeshConfig's providers, over HTTP and gRPC, for requests and for connections.

let authorizer: Upstream;
let guarded: GuardedApp;
/** What the provider answers over HTTP, and over gRPC. */
let answer: UpstreamAnswer;
let check: CheckResponse;
/** Whether it lets its clients wait. */
let isSilent = false;

const script = async ({ protocol }: RecordedRequest): Promise<UpstreamAnswer> => {
  if (isSilent) await new Promise((resolve) => setTimeout(resolve, 3_000));
  return protocol === "grpc" ? { messages: [{ base64: Buffer.from(checkResponse(check)).toString("base64") }] } : answer;
};

beforeAll(async () => {
  authorizer = await startUpstream({ script, keep: 10_000 });
  guarded = await GuardedApp.start(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: portal, namespace: default }
spec:
  hosts: [portal.test]
  ports: [{ number: 8000, name: http, protocol: HTTP, targetPort: ${authorizer.port} }, { number: 9000, name: grpc, protocol: GRPC, targetPort: ${authorizer.port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: nobody, namespace: default }
spec: { hosts: [nobody.test], ports: [{ number: 8000, name: http, protocol: HTTP }], resolution: STATIC, endpoints: [{ address: 127.0.0.1, ports: { http: 1 } }] }
---
`);
});
afterAll(async () => {
  await guarded?.[Symbol.asyncDispose]();
  await authorizer?.[Symbol.asyncDispose]();
});
beforeEach(() => {
  [answer, check, isSilent] = [{ status: 200 }, { code: 0 }, false];
});

const asked = () => authorizer.requests.at(-1);
const headerAsked = (name: string) => asked()?.headers.find(([key]) => key.toLowerCase() === name)?.[1];

type Type = "envoyExtAuthzHttp" | "envoyExtAuthzGrpc";
const provider = (type: Type, options: object = {}, service = "portal.test") => ({
  name: "portal",
  [type]: { service, port: type === "envoyExtAuthzHttp" ? 8000 : 9000, ...options },
});
const custom = (rules: readonly object[] = [{}], name = "portal"): WrittenPolicy => ({
  name: `custom-${name}`,
  spec: { action: "CUSTOM", provider: { name }, rules },
});

/** Has a provider, and policies, by default one that asks it about everything. */
async function apply(extensionProviders: readonly object[], policies: readonly WrittenPolicy[] = [custom()]): Promise<void> {
  await guarded.apply(policies, stringify({ apiVersion: "v1", kind: "MeshConfig", metadata: { name: "istio" }, extensionProviders }));
}

describe.each(["envoyExtAuthzHttp", "envoyExtAuthzGrpc"] as const)("%s", (type) => {
  const denies = () => {
    [answer, check] = [
      { status: 401, body: "no" },
      { code: 7, denied: { status: 401, body: "no" } },
    ];
  };

  test("decides about requests that a rule matches", async () => {
    await apply([provider(type)], [custom([{ to: [{ operation: { paths: ["/asked"] } }] }])]);
    expect(await guarded.status({ path: "/asked" })).toBe(200);
    denies();
    expect(await guarded.ask({ path: "/asked" })).toMatchObject({ status: 401, body: "no" });
    expect(await guarded.status({ path: "/other" })).toBe(200);
  });

  test("of several, the one that a policy names is asked", async () => {
    const others = ["first", "last"].map((name) => ({ ...provider(type, {}, "nobody.test"), name }));
    await apply([...others.slice(0, 1), provider(type), ...others.slice(1)], [custom([{}], "portal")]);
    expect(await guarded.status()).toBe(200);
    denies();
    expect(await guarded.status()).toBe(401);
  });

  test("service: with the namespace before the host", async () => {
    await apply([provider(type, {}, "default/portal.test")]);
    denies();
    expect(await guarded.status()).toBe(401);
  });

  test("timeout, statusOnError and failOpen", async () => {
    isSilent = true;
    await apply([provider(type, { timeout: "0.05s" })]);
    expect(await guarded.status()).toBe(403);
    await apply([provider(type, { timeout: "0.05s", statusOnError: "503" })]);
    expect(await guarded.status()).toBe(503);
    await apply([provider(type, { timeout: "0.05s", failOpen: true })]);
    expect(await guarded.status()).toBe(200);
  });

  test("nobody at its address is a failure", async () => {
    const nobody = { ...provider(type), [type]: { service: "nobody.test", port: 8000, statusOnError: "500" } };
    await apply([nobody]);
    expect(await guarded.status()).toBe(500);
  });

  test("includeRequestBodyInCheck", async () => {
    const put = (body: string) => guarded.status({ method: "PUT", body });
    const bodyAsked = () =>
      type === "envoyExtAuthzHttp" ? asked()?.body.toString() : readCheckRequest(asked()?.body.subarray(5) ?? Buffer.of()).body;
    await apply([provider(type, { includeRequestBodyInCheck: { maxRequestBytes: 5 } })]);
    expect([await put("hello"), bodyAsked()]).toEqual([200, "hello"]);
    expect(await put("longer")).toBe(413);
    await apply([provider(type, { includeRequestBodyInCheck: { maxRequestBytes: 5, allowPartialMessage: true } })]);
    expect([await put("longer"), bodyAsked()]).toEqual([200, "longe"]);
    if (type === "envoyExtAuthzHttp") return;
    await apply([provider(type, { includeRequestBodyInCheck: { maxRequestBytes: 5, packAsBytes: true } })]);
    expect([await put("bytes"), readCheckRequest(asked()?.body.subarray(5) ?? Buffer.of())]).toMatchObject([
      200,
      { body: "", rawBody: "bytes" },
    ]);
  });

  test("clearRouteCache is so by itself, and may be said either way", async () => {
    for (const clearRouteCache of [true, false]) {
      await apply([provider(type, { clearRouteCache })]);
      expect(await guarded.status()).toBe(200);
    }
  });

  test("goes before tokens are verified, and may bring one", async () => {
    const key = await signingKey("ES256", "one");
    const token = `Bearer ${await sign(key, { sub: "alice" })}`;
    const authentication = { kind: "RequestAuthentication", name: "a", spec: { jwtRules: [{ issuer: ISSUER, jwks: keySet(key) }] } };
    const allow: WrittenPolicy = { name: "allow", spec: { rules: [{ from: [{ source: { requestPrincipals: [`${ISSUER}/alice`] } }] }] } };
    const options = type === "envoyExtAuthzHttp" ? { headersToUpstreamOnAllow: ["authorization"] } : {};
    await apply([provider(type, options)], [custom(), authentication, allow]);
    expect(await guarded.status()).toBe(403);
    answer = { status: 200, headers: [["authorization", token]] };
    check = { code: 0, ok: { headers: [{ name: "authorization", value: token }] } };
    expect(await guarded.status()).toBe(200);
    denies();
    expect(await guarded.status({ headers: [["authorization", "Bearer bad"]] })).toBe(401);
    expect((await guarded.ask({ headers: [["authorization", "Bearer bad"]] })).body).toBe("no");
  });

  test("DENY and ALLOW policies judge what it lets pass", async () => {
    await apply(
      [provider(type)],
      [custom(), { name: "deny", spec: { action: "DENY", rules: [{ to: [{ operation: { paths: ["/no"] } }] }] } }],
    );
    expect([await guarded.status({ path: "/no" }), await guarded.status()]).toEqual([403, 200]);
  });
});

describe("envoyExtAuthzHttp", () => {
  test("pathPrefix, and what it sees of the request", async () => {
    await apply([
      provider("envoyExtAuthzHttp", {
        pathPrefix: "/check",
        includeRequestHeadersInCheck: ["cookie", "x-p-*"],
        includeAdditionalHeadersInCheck: { "x-zone": "shop" },
      }),
    ]);
    await guarded.status({
      path: "/a?b",
      headers: [
        ["cookie", "c=1"],
        ["x-p-one", "1"],
        ["x-q", "2"],
        ["x-zone", "forged"],
      ],
    });
    expect(asked()?.path).toBe("/check/a?b");
    expect(["cookie", "x-p-one", "x-q", "x-zone"].map(headerAsked)).toEqual(["c=1", "1", undefined, "shop"]);
    await apply([provider("envoyExtAuthzHttp", { includeHeadersInCheck: ["x-q"] })]);
    await guarded.status({ headers: [["x-q", "2"]] });
    expect(headerAsked("x-q")).toBe("2");
  });

  test("headersToUpstreamOnAllow, headersToDownstreamOnAllow, headersToDownstreamOnDeny", async () => {
    const headers = [
      ["x-user", "ann"],
      ["x-told", "1"],
      ["x-why", "because"],
      ["x-other", "2"],
    ] as const;
    await apply([
      provider("envoyExtAuthzHttp", {
        headersToUpstreamOnAllow: ["x-user"],
        headersToDownstreamOnAllow: ["x-told"],
        headersToDownstreamOnDeny: ["x-why"],
      }),
    ]);
    answer = { status: 200, headers };
    const allowed = await guarded.ask({ headers: [["x-user", "forged"]] });
    expect([
      allowed.seen?.headers["x-user"],
      allowed.seen?.headers["x-other"],
      allowed.headers["x-told"],
      allowed.headers["x-why"],
    ]).toEqual(["ann", undefined, "1", undefined]);
    answer = { status: 403, headers };
    const denied = await guarded.ask();
    expect([denied.status, denied.headers["x-why"], denied.headers["x-other"]]).toEqual([403, "because", undefined]);
  });

  test("cannot be asked about connections, so what a rule matches of them is denied", async () => {
    await apply([provider("envoyExtAuthzHttp")], [custom([{ to: [{ operation: { ports: [String(guarded.ports.bytes)] } }] }])]);
    expect([await guarded.isAnswered(), await guarded.isAnswered({ port: "tls" })]).toEqual([false, true]);
  });
});

describe("envoyExtAuthzGrpc, of connections", () => {
  test("decides about those that a rule matches", async () => {
    await apply([provider("envoyExtAuthzGrpc")], [custom([{ from: [{ source: { namespaces: ["shop"] } }] }])]);
    const shop = { port: "tls", as: "cluster.local/ns/shop/sa/checkout" } as const;
    expect([await guarded.isAnswered(shop), await guarded.isAnswered()]).toEqual([true, true]);
    const { requests } = authorizer;
    expect(readCheckRequest(asked()?.body.subarray(5) ?? Buffer.of()).source.principal).toBe("spiffe://cluster.local/ns/shop/sa/checkout");
    const count = requests.length;
    check = { code: 7 };
    expect([await guarded.isAnswered(shop), await guarded.isAnswered()]).toEqual([false, true]);
    expect(requests.length - count).toBe(1);
  });

  test("timeout and failOpen", async () => {
    isSilent = true;
    await apply([provider("envoyExtAuthzGrpc", { timeout: "0.05s" })]);
    expect(await guarded.isAnswered()).toBe(false);
    await apply([provider("envoyExtAuthzGrpc", { timeout: "0.05s", failOpen: true })]);
    expect(await guarded.isAnswered()).toBe(true);
  });
});

describe("a provider that cannot be asked: what the rules match is denied, also with failOpen", () => {
  const rules = [{ to: [{ operation: { paths: ["/asked"] } }] }];
  const open = { failOpen: true };

  test.each<[why: string, providers: readonly object[], policies?: readonly WrittenPolicy[]]>([
    ["there is none of that name", []],
    ["it is of another sort", [{ name: "portal", prometheus: {} }]],
    ["its service is not there", [provider("envoyExtAuthzHttp", open, "strange.test")]],
    ["its service has no such port", [{ name: "portal", envoyExtAuthzHttp: { service: "portal.test", port: 8001, ...open } }]],
    ["a status that the filter cannot answer with", [provider("envoyExtAuthzHttp", { ...open, statusOnError: "200" })]],
    ["a path that is none", [provider("envoyExtAuthzHttp", { ...open, pathPrefix: "check" })]],
    [
      "more of the body than Envoy gives",
      [provider("envoyExtAuthzGrpc", { ...open, includeRequestBodyInCheck: { maxRequestBytes: 2_000_000 } })],
    ],
    ["no limit for the body", [provider("envoyExtAuthzGrpc", { ...open, includeRequestBodyInCheck: {} })]],
    [
      "an option under both of its names",
      [provider("envoyExtAuthzHttp", { ...open, includeHeadersInCheck: ["a"], includeRequestHeadersInCheck: ["b"] })],
    ],
    [
      "two for one workload",
      [provider("envoyExtAuthzHttp", open), { ...provider("envoyExtAuthzGrpc", open), name: "other" }],
      [custom(rules), custom([{ to: [{ operation: { paths: ["/second"] } }] }], "other")],
    ],
  ])("%s", async (_, providers, policies = [custom(rules)]) => {
    await apply(providers, policies);
    expect([await guarded.status({ path: "/asked" }), await guarded.status()]).toEqual([403, 200]);
    if (policies.length > 1) expect(await guarded.status({ path: "/second" })).toBe(403);
  });
});
