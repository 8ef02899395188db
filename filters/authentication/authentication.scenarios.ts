import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import { scenario } from "../testing/scenario.ts";
import type { ChainSpec } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { ALGORITHMS, ISSUER, keySet, sign, signingKey } from "./tokens.mts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));
const rs256 = await signingKey("RS256");
const token = await sign(rs256);

/** A chain with the filter, configured with `configuration`. */
const authentication = (configuration: object) => async (): Promise<ChainSpec> => ({
  filters: [{ name: "authentication", module: await compileFilter(entry), configuration }],
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

  scenario(
    "a rule without an issuer takes those of any",
    { chain: authentication({ jwtRules: [{ jwks: keySet(rs256) }] }) },
    async (run) => {
      for (const iss of [ISSUER, "another", ""])
        expect(await run.send({ path: "/", headers: [bearer(await sign(rs256, { iss }))] })).toForward({});
      expect(await run.send({ path: "/", headers: [bearer(await sign(rs256, { iss: undefined }))] })).toRespond(
        401,
        "authentication_issuer",
      );
    },
  );

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

describe("answers", () => {
  scenario(
    "a gRPC request gets status 16, or 7 for a wrong audience",
    { chain: authentication(rule({ audiences: ["shop"] })) },
    async (run) => {
      const grpc = { path: "/pkg.Service/Method", protocol: "grpc", body: "ping" } as const;
      const bad = await run.send({ ...grpc, headers: [bearer("x")] });
      expect(bad.response?.headers).toContainEqual(["grpc-status", "16"]);
      expect(bad.response?.headers).toContainEqual(["grpc-message", "Jwt is not in the form of Header.Payload.Signature"]);
      const wrong = await run.send({ ...grpc, headers: [bearer(token)] });
      expect(wrong.response?.headers).toContainEqual(["grpc-status", "7"]);
      const good = await run.send({ ...grpc, headers: [bearer(await sign(rs256, { aud: "shop" }))] });
      expect(good).toForward();
    },
  );

  scenario(
    "neither the answer nor the log has anything of the token",
    { chain: authentication(rule({ audiences: ["shop"] })) },
    async (run) => {
      const secrets = await Promise.all([
        sign(rs256, { sub: "c3VwZXItc2VjcmV0" }),
        sign(rs256, { aud: "c3VwZXItc2VjcmV0" }, { kid: "c3VwZXItc2VjcmV0" }),
      ]);
      for (const secret of secrets) {
        const result = await run.send({ path: "/", headers: [bearer(secret)] });
        expect(result).toRespond(403);
        expect(JSON.stringify([result.response, result.details, result.decisions])).not.toContain("c3VwZXItc2VjcmV0");
      }
      expect(JSON.stringify(await run.logs())).not.toMatch(/c3VwZXItc2VjcmV0|eyJ/);
    },
  );
});

describe("several tokens", () => {
  const other = "https://other.example.com";
  const two = {
    jwtRules: [
      { issuer: ISSUER, jwks: keySet(rs256), outputClaimToHeaders: [{ header: "x-name", claim: "sub" }] },
      {
        issuer: other,
        jwks: keySet(rs256),
        fromHeaders: [{ name: "x-other" }],
        outputClaimToHeaders: [{ header: "x-other-name", claim: "sub" }],
      },
    ],
  };
  const forwarding = {
    jwtRules: [
      { issuer: ISSUER, jwks: keySet(rs256) },
      { issuer: other, jwks: keySet(rs256), forwardOriginalToken: true },
    ],
  };
  scenario("of one place go on as the rule says that took them", { chain: authentication(forwarding) }, async (run) => {
    const kept = await sign(rs256, { iss: other });
    expect(await run.send({ path: "/", headers: [bearer(token)] })).toSendHeader("authorization");
    expect(await run.send({ path: "/", headers: [bearer(kept)] })).toSendHeader("authorization", `Bearer ${kept}`);
    expect((await run.send({ path: `/?a=b&access_token=${token}`, headers: [bearer(kept)] })).request?.path).toBe("/?a=b");
  });

  scenario("of different places are verified each, and one bad one refuses", { chain: authentication(two) }, async (run) => {
    const second = await sign(rs256, { iss: other, sub: "bob" });
    const both = await run.send({ path: "/", headers: [bearer(token), ["x-other", second]] });
    expect(both).toSendHeader("x-name", "ann");
    expect(both).toSendHeader("x-other-name", "bob");
    expect(both).toSendHeader("x-other");
    expect(await run.send({ path: "/", headers: [bearer(second), ["x-other", second]] })).toRespond(401, "authentication_issuer");
    expect(await run.send({ path: "/", headers: [bearer(token), ["x-other", token]] })).toRespond(401, "authentication_issuer");
    expect(await run.send({ path: "/", headers: [bearer(token), ["x-other", "x"]] })).toRespond(401, "authentication_token_malformed");
  });

  scenario("of one place are refused (CVE-2020-25017)", { chain: authentication(two) }, async (run) => {
    const [name, value] = bearer(token);
    expect(await run.send({ path: "/", headers: [bearer(token), bearer(token)] })).toRespond(401);
    expect(await run.send({ path: "/", headers: [[name, `${value},${value}`]] })).toRespond(401);
    expect(await run.send({ path: "/", headers: [["authorization", "Basic YTpi"], bearer(token)] })).toRespond(401);
    expect(await run.send({ path: "/", headers: [["authorization", `Basic YTpi, Bearer ${token}`]] })).toRespond(401);
    expect(await run.send({ path: `/?access_token=${token}&access_token=${token}` })).toRespond(401, "authentication_several_tokens");
    expect(await run.send({ path: "/?access_token=x", headers: [bearer(token)] })).toRespond(401, "authentication_token_malformed");
    const second = await sign(rs256, { iss: other });
    const lines: Array<[string, string]> = [
      ["x-other", second],
      ["x-other", second],
    ];
    expect(await run.send({ path: "/", headers: lines })).toRespond(401, "authentication_several_tokens");
  });
});
