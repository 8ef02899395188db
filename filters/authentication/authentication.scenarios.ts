import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { inProcessTarget } from "../../harness/host/index.ts";
import { scenario } from "../../harness/vitest.ts";
import type { ChainSpec, RunningTarget } from "../../harness/target/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { compileFilter } from "../testing/assembly.ts";
import { ALGORITHMS, ISSUER, keySet, sign, signingKey } from "./tokens.mts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));
const rs256 = await signingKey("RS256");
const token = await sign(rs256);

/** A chain with the filter, configured with `configuration`. */
const authentication = (configuration: object, callouts?: ChainSpec["callouts"]) => async (): Promise<ChainSpec> => ({
  filters: [{ name: "authentication", module: await compileFilter(entry), configuration }],
  ...(callouts === undefined ? {} : { callouts }),
});

/** One rule for {@link ISSUER} with one key, and `fields`. */
const rule = (fields: object = {}) => ({ jwtRules: [{ issuer: ISSUER, jwks: keySet(rs256), ...fields }] });
const bearer = (value: string): [string, string] => ["authorization", `Bearer ${value}`];

describe("tokens", () => {
  scenario("a valid token passes, and is taken away", { chain: authentication(rule()) }, async (run) => {
    const result = await run.send({ path: "/", headers: [bearer(token)] });
    expect(result).toForward({});
    expect(result).toSendHeader("authorization");
    const again = await run.send({ path: "/", headers: [bearer(token)] });
    expect(again).toForward({});
    expect(await run.metrics()).toMatchObject({ "authentication.allowed": 2, "authentication.jwt_cache_hit": 1 });
  });

  scenario("no token passes", { chain: authentication(rule()) }, async (run) => {
    expect(await run.send({ path: "/" })).toForward({});
  });

  scenario("no token is refused where one is required", { chain: authentication({ ...rule(), required: true }) }, async (run) => {
    const result = await run.send({ path: "/" });
    expect(result).toMatchObject({ outcome: "respond", status: 401, details: "authentication_missing" });
    expect(result.response?.headers).toContainEqual(["www-authenticate", 'Bearer realm="meshwright"']);
  });

  scenario("a token whose signature is another's is refused", { chain: authentication(rule()) }, async (run) => {
    const [head, payload] = token.split(".");
    const other = (await sign(rs256, { sub: "bob" })).split(".")[2] ?? "";
    const result = await run.send({ path: "/", headers: [bearer(`${head}.${payload}.${other}`)] });
    expect(result).toMatchObject({ outcome: "respond", status: 401, details: "authentication_signature" });
    expect(result.response?.headers).toContainEqual([
      "www-authenticate",
      'Bearer realm="meshwright", error="invalid_token", error_description="Jwt verification fails"',
    ]);
    expect(result.decisions).toEqual([{ filter: "authentication", rule: ISSUER, result: "deny", reason: "Jwt verification fails" }]);
  });
});

describe("algorithms", async () => {
  const keys = await Promise.all(ALGORITHMS.map((alg) => signingKey(alg)));
  const tokens = await Promise.all(keys.map(async (key) => [key, await sign(key), await sign(key, { sub: "bob" })] as const));
  const all = { jwtRules: [{ issuer: ISSUER, jwks: keySet(...keys) }] };
  scenario("a token of each algorithm passes, and with another's signature is refused", { chain: authentication(all) }, async (run) => {
    for (const [key, good, other] of tokens) {
      expect(await run.send({ id: key.alg, path: "/", headers: [bearer(good)] }), key.alg).toForward({});
      const [head, payload] = good.split(".");
      const wrong = `${head}.${payload}.${other.split(".")[2]}`;
      expect(await run.send({ id: key.alg, path: "/", headers: [bearer(wrong)] }), key.alg).toRespond(401, "authentication_signature");
    }
  });
});

describe("places", () => {
  const places = {
    fromHeaders: [{ name: "x-jwt", prefix: "JWT " }, { name: "x-plain" }],
    fromParams: ["t"],
    fromCookies: ["session"],
  };
  scenario("fromHeaders, fromParams and fromCookies", { chain: authentication({ ...rule(places), required: true }) }, async (run) => {
    expect(await run.send({ path: "/", headers: [["x-jwt", `JWT ${token}`]] })).toForward({});
    expect(await run.send({ path: "/", headers: [["x-jwt", token]] })).toRespond(401, "authentication_missing");
    expect(await run.send({ path: "/", headers: [["x-plain", token]] })).toForward({});
    expect(await run.send({ path: "/", headers: [bearer(token)] })).toRespond(401, "authentication_missing");
    const query = await run.send({ path: `/a?x=1&t=${token}&y=2` });
    expect(query.request?.path).toBe("/a?x=1&y=2");
    expect((await run.send({ path: `/a?t=${token}` })).request?.path).toBe("/a");
    const cookie = await run.send({ path: "/", headers: [["cookie", `a=b; session=${token}`]] });
    expect(cookie).toSendHeader("cookie", `a=b; session=${token}`);
  });

  scenario("the default places", { chain: authentication(rule()) }, async (run) => {
    expect((await run.send({ path: `/a?access_token=${token}` })).request?.path).toBe("/a");
    expect(await run.send({ path: "/a?access_token=" })).toRespond(401);
    expect(await run.send({ path: "/", headers: [["authorization", `bearer ${token}`]] })).toForward({});
    expect(await run.send({ path: "/", headers: [["authorization", "Basic YTpi"]] })).toForward({});
    expect(await run.send({ path: "/", headers: [["authorization", "Bearer"]] })).toForward({});
  });

  scenario("one bad token beside a good one is refused", { chain: authentication(rule()) }, async (run) => {
    expect(await run.send({ path: "/?access_token=x", headers: [bearer(token)] })).toRespond(401);
  });

  scenario("forwardOriginalToken", { chain: authentication(rule({ forwardOriginalToken: true })) }, async (run) => {
    expect(await run.send({ path: "/", headers: [bearer(token)] })).toSendHeader("authorization", `Bearer ${token}`);
    expect((await run.send({ path: `/?access_token=${token}` })).request?.path).toBe(`/?access_token=${token}`);
  });

  scenario("a CORS preflight passes, whatever it carries", { chain: authentication({ ...rule(), required: true }) }, async (run) => {
    const headers: Array<[string, string]> = [["origin", "https://a"], ["access-control-request-method", "GET"], bearer("x")];
    expect(await run.send({ path: "/", method: "OPTIONS", headers })).toForward({});
    expect(await run.send({ path: "/", method: "OPTIONS", headers: headers.slice(1) })).toRespond(401);
  });
});

describe("claims", () => {
  scenario("audiences: a wrong one is 403", { chain: authentication(rule({ audiences: ["https://shop.example.com/"] })) }, async (run) => {
    for (const aud of ["shop.example.com", ["other", "http://shop.example.com"], "https://shop.example.com"]) {
      expect(await run.send({ path: "/", headers: [bearer(await sign(rs256, { aud }))] }), JSON.stringify(aud)).toForward({});
    }
    for (const aud of ["other", [], "shop.example.com.evil", undefined]) {
      const result = await run.send({ path: "/", headers: [bearer(await sign(rs256, aud === undefined ? {} : { aud }))] });
      expect(result, JSON.stringify(aud)).toRespond(403, "authentication_audience");
    }
  });

  scenario("another issuer is refused", { chain: authentication(rule()) }, async (run) => {
    for (const iss of [`${ISSUER}/`, ISSUER.slice(0, -1), "", ISSUER.toUpperCase()]) {
      expect(await run.send({ path: "/", headers: [bearer(await sign(rs256, { iss }))] })).toRespond(401, "authentication_issuer");
    }
  });

  // Once, so that every target gets the same requests.
  const now = Math.floor(Date.now() / 1000);
  scenario("exp, nbf and iat, with clockSkew", { chain: authentication(rule({ clockSkew: "10m" })) }, async (run) => {
    const rows: Array<[object, string?]> = [
      [{ exp: now - 300 }],
      [{ exp: now - 700 }, "authentication_expired"],
      [{ exp: 0 }, "authentication_expired"],
      [{ exp: -1 }, "authentication_expired"],
      [{ exp: now + 0.5 }],
      [{ nbf: now + 300 }],
      [{ nbf: now + 900 }, "authentication_not_yet_valid"],
      [{ iat: now + 900 }, "authentication_not_yet_valid"],
    ];
    for (const [claims, details] of rows) {
      const result = await run.send({ path: "/", headers: [bearer(await sign(rs256, { ...claims }))] });
      if (details === undefined) expect(result).toForward({});
      else expect(result).toRespond(401, details);
    }
  });

  const outputs = {
    outputPayloadToHeader: "x-payload",
    outputClaimToHeaders: [
      { header: "x-name", claim: "sub" },
      { header: "x-team", claim: "realm.team" },
      { header: "x-number", claim: "number" },
      { header: "x-half", claim: "half" },
      { header: "x-flag", claim: "flag" },
      { header: "x-list", claim: "list" },
      { header: "x-none", claim: "none" },
    ],
  };
  const claims = { realm: { team: "blue" }, number: -7, half: 1.5, flag: true, list: ["a", { b: 1 }] };
  scenario("outputPayloadToHeader and outputClaimToHeaders", { chain: authentication(rule(outputs)) }, async (run) => {
    const given = await sign(rs256, claims);
    const forged: Array<[string, string]> = [
      ["x-payload", "forged"],
      ["x-name", "forged"],
      ["x-none", "forged"],
      ["x-name", "again"],
    ];
    for (let seen = 0; seen < 2; seen++) {
      const result = await run.send({ path: "/", headers: [bearer(given), ...forged] });
      expect(result).toSendHeader("x-payload", given.split(".")[1] ?? "");
      expect(result).toSendHeader("x-name", "ann");
      expect(result).toSendHeader("x-team", "blue");
      expect(result).toSendHeader("x-number", "-7");
      expect(result).toSendHeader("x-half", "1.500000");
      expect(result).toSendHeader("x-flag", "true");
      expect(result).toSendHeader("x-list", Buffer.from('["a",{"b":1}]').toString("base64"));
      expect(result).toSendHeader("x-none");
    }
    const anonymous = await run.send({ path: "/", headers: forged });
    for (const [name] of forged) expect(anonymous).toSendHeader(name);
  });
});

/** As a scenario, but metrics and logs are not compared: Envoy's main thread and workers each fetch keys, at times of their own. */
function onEachTarget(title: string, chain: () => Promise<ChainSpec>, body: (run: RunningTarget) => Promise<void>): void {
  for (const target of [inProcessTarget, envoyTarget]) {
    test(`${title} (${target.name})`, { timeout: 30_000 }, async (context) => {
      await requireTarget(target, context);
      await using running = await target.start(await chain());
      await body(running);
    });
  }
}

describe("key sets by URI", () => {
  const remote = { jwtRules: [{ issuer: ISSUER, jwksUri: "https://issuer.example.com/keys?v=1", jwksCluster: "issuer" }] };
  const serving = authentication(remote, {
    issuer: ({ headers }) => {
      const path = headers.find(([name]) => name === ":path")?.[1];
      return path === "/keys?v=1" ? { status: 200, body: keySet(rs256), delay: 50 } : { status: 404 };
    },
  });
  onEachTarget("the first token waits for the keys", serving, async (run) => {
    expect(await run.send({ path: "/", headers: [bearer(token)] })).toForward({});
    const other = await sign(rs256, {}, { kid: "other" });
    expect(await run.send({ path: "/", headers: [bearer(other)] })).toRespond(401, "authentication_unknown_key");
  });

  for (const [title, answer] of [
    ["an error", { status: 500, body: "" }],
    ["a redirect", { status: 302, headers: [["location", "http://127.0.0.1/"]] as const }],
    ["no key set", { status: 200, body: "<html>" }],
    ["a huge answer", { status: 200, body: `{"keys":[],"x":"${"x".repeat(300_000)}"}` }],
    ["a reset", { reset: true as const }],
  ] as const) {
    const failing = authentication(remote, { issuer: () => answer });
    onEachTarget(`a first fetch that gets ${title} denies`, failing, async (run) => {
      expect(await run.send({ path: "/", headers: [bearer(token)] })).toRespond(401, "authentication_no_keys");
      expect(await run.send({ path: "/" })).toForward({});
    });
  }
});

describe("API keys", () => {
  const sha256 = (key: string) => createHash("sha256").update(key).digest("hex");
  const apiKeys = [
    {
      fromHeaders: [{ name: "x-api-key" }],
      fromParams: ["key"],
      fromCookies: ["key"],
      consumers: [
        { name: "mobile", sha256: [sha256("secret-1"), sha256("secret-2").toUpperCase()] },
        { name: "batch", sha256: [sha256("secret-3")] },
      ],
      outputConsumerToHeader: "x-consumer",
    },
  ];
  scenario("a known key passes with its consumer's name", { chain: authentication({ apiKeys, required: true }) }, async (run) => {
    const header = await run.send({
      path: "/",
      headers: [
        ["x-api-key", "secret-2"],
        ["x-consumer", "forged"],
      ],
    });
    expect(header).toSendHeader("x-consumer", "mobile");
    expect(header).toSendHeader("x-api-key");
    const query = await run.send({ path: "/?key=secret-3" });
    expect(query).toSendHeader("x-consumer", "batch");
    expect(query.request?.path).toBe("/");
    expect(await run.send({ path: "/", headers: [["cookie", "key=secret-1"]] })).toSendHeader("x-consumer", "mobile");
    expect(await run.send({ path: "/?key=wrong" })).toRespond(401, "authentication_api_key");
    expect(await run.send({ path: "/?key=secret-1", headers: [["x-api-key", "secret-3"]] })).toRespond(401, "authentication_api_key");
    expect(await run.send({ path: "/", headers: [["x-consumer", "mobile"]] })).toRespond(401, "authentication_missing");
  });
});
