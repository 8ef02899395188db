import { generateKeyPairSync } from "node:crypto";
import { exportJWK } from "jose";
import { describe, expect, test } from "vitest";
import { HostError } from "../../harness/host/index.ts";
import { CONFIGURATION, KEYS, MUTATIONS } from "./mutations.mts";
import { bearer, clock, host, key, load, parts, PAYLOAD, plugin, raw, rule, send, token } from "./tester.mts";
import { ALGORITHMS, keySet, sign, signingKey } from "./tokens.mts";

// Attacks by name: nothing gets in that should not.

describe("attacks on tokens", () => {
  test.each(MUTATIONS)("$name", async ({ details, make }) => {
    load(CONFIGURATION);
    for (const key of KEYS) {
      const made = await make(key);
      if (made !== undefined) expect(send(bearer(made)), key.alg).toBe(details ?? "forwarded");
    }
  });

  test.each(ALGORITHMS)("every bit of a signature of %s counts", async (alg) => {
    load();
    const [head, payload, signature] = parts(await sign(key(alg)));
    const bytes = Buffer.from(signature, "base64url");
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at & 7));
      expect(send(bearer(`${head}.${payload}.${changed.toString("base64url")}`))).toBe("authentication_signature");
    }
    expect(send(bearer(`${head}.${payload}.${signature}`))).toBe("forwarded");
  });

  test("two tokens: two lines, comma-joined, query plus header, a parameter twice (CVE-2020-25017, CVE-2025-64527)", () => {
    load();
    const [line] = bearer(token);
    // Envoy joins the lines of this header before a filter sees them.
    expect(send([line, line])).toBe("authentication_token_malformed");
    expect(send([["authorization", "Basic YTpi"], line])).toBe("authentication_several_tokens");
    expect(send([["authorization", `Basic YTpi, Bearer ${token}`]])).toBe("authentication_several_tokens");
    expect(send([["authorization", `Bearer ${token},Bearer ${token}`]])).toMatch(/^authentication_token/);
    expect(send([line], "/?access_token=x")).toBe("authentication_token_malformed");
    expect(send([], `/?access_token=${token}&access_token=${token}`)).toBe("authentication_several_tokens");
  });
});

describe("attacks on keys", () => {
  test.each<readonly [string, () => Promise<object> | object]>([
    ["RSA under 2048 bits", () => exportJWK(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey)],
    ["RSA with e = 1", () => ({ ...key("RS256").jwk, e: "AQ" })],
    ["an even exponent", () => ({ ...key("RS256").jwk, e: "AQAC" })],
    ["use enc", () => ({ ...key("RS256").jwk, use: "enc" })],
    ["key_ops without verify", () => ({ ...key("RS256").jwk, key_ops: ["sign"] })],
    ["alg of another family", () => ({ ...key("RS256").jwk, alg: "HS256" })],
    ["alg none", () => ({ ...key("RS256").jwk, alg: "none" })],
    ["an off-curve point", () => ({ ...key("ES256").jwk, y: key("ES256").jwk.x })],
    ["crv of another curve", () => ({ ...key("ES256").jwk, crv: "P-384" })],
    ["secp256k1", () => ({ ...key("ES256").jwk, crv: "secp256k1" })],
    ["X25519", () => ({ ...key("EdDSA").jwk, crv: "X25519" })],
    ["a short secret", () => ({ kty: "oct", k: "c2VjcmV0" })],
    ["kty in lower case", () => ({ ...key("RS256").jwk, kty: "rsa" })],
    ["a padded modulus", () => ({ ...key("RS256").jwk, n: `${key("RS256").jwk.n}==` })],
    ["kid that is no string", () => ({ ...key("RS256").jwk, kid: 1 })],
  ])("%s is no key", async (_, jwk) => {
    const jwks = JSON.stringify({ keys: [await jwk()] });
    expect(() => load({ jwtRules: [rule({ jwks })] })).toThrow(HostError);
    expect(host.logs.lines.at(-1)?.message ?? "").toContain("jwtRules[0].jwks: no key that can verify signatures");
  });
});

describe("attacks on jwksUri (CVE-2026-41413)", () => {
  test.each([
    ["a user", "https://issuer.example.com@169.254.169.254/keys"],
    ["a fragment", "https://issuer.example.com/keys#x"],
    ["CR and LF", "https://issuer.example.com/keys\r\nx-admin: 1"],
    ["a space", "https://issuer.example.com/keys HTTP/1.1"],
    ["NUL", "https://issuer.example.com/keys\0"],
    ["letters beyond ASCII", "https://issuer.example.com/ke\u00ffs"],
    ["no host", "https:///keys"],
    ["another scheme", "file:///etc/passwd"],
    ["no scheme", "//issuer.example.com/keys"],
    ["nothing", ""],
  ])("with %s it is refused", (_, jwksUri) => {
    expect(() => load({ jwtRules: [{ issuer: "https://issuer.example.com", jwksUri, jwksCluster: "issuer" }] })).toThrow(HostError);
    expect(host.logs.lines.map(({ message }) => message).join("\n")).toContain(
      "jwtRules[0].jwksUri: expected an absolute http or https URI",
    );
  });
});

describe("a header", () => {
  const known = { alg: "RS256", kid: "RS256" };
  const long = "x".repeat(600);

  test("that is the last one's again says the same, and no other does, however alike", () => {
    load();
    const outcomes: ReadonlyArray<readonly [object, string]> = [
      [known, "forwarded"],
      [{ ...known, kid: "RS257" }, "authentication_unknown_key"],
      [{ ...known, alg: "RS255" }, "authentication_algorithm"],
      [{ ...known, alg: "none" }, "authentication_algorithm"],
      [{ ...known, zip: "x" }, "authentication_token_header_unsupported"],
      [{ ...known, kid: 5 }, "authentication_token_header"],
      [{ alg: "RS256" }, "forwarded"],
      [{ ...known, typ: long }, "forwarded"],
      [{ ...known, kid: long }, "authentication_unknown_key"],
      [{ alg: "RS512", kid: "RS512" }, "authentication_signature"],
    ];
    let number = 0;
    for (const [before] of outcomes) {
      for (const [header, outcome] of outcomes) {
        // Every token is new, so that the cache knows none.
        const [first, ...then] = [before, header, header].map((one) => raw(one, { ...PAYLOAD, jti: number++ }));
        send(bearer(first ?? ""));
        expect([before, header, ...then.map((one) => send(bearer(one)))]).toEqual([before, header, outcome, outcome]);
      }
    }
  });
});

describe("the cache", () => {
  test("keyed by place, so that one rule's token is not another's, and never past exp", async () => {
    const exp = Number(clock.now() / 1_000_000_000n) + 100;
    const short = await sign(key("RS256"), { exp });
    load({
      jwtRules: [rule({ fromHeaders: [{ name: "x-a" }], clockSkew: "0s" }), rule({ fromHeaders: [{ name: "x-b" }], audiences: ["b"] })],
      required: true,
    });
    expect([send([["x-a", short]]), send([["x-a", short]]), send([["x-b", short]])]).toEqual([
      "forwarded",
      "forwarded",
      "authentication_audience",
    ]);
    clock.advance(99_999);
    expect(send([["x-a", short]])).toBe("forwarded");
    // RFC 7519, section 4.1.4: "on or after which the JWT MUST NOT be accepted".
    clock.advance(1);
    expect(send([["x-a", short]])).toBe("authentication_expired");
  });

  test("keyed by rule, so that no issuer's token is another's", async () => {
    const other = "https://other.example.com";
    load({ jwtRules: [rule(), { issuer: other, jwks: keySet(await signingKey("ES256", "theirs")) }] });
    const own = await sign(key("ES256"));
    const claimed = await sign(key("ES256"), { iss: other });
    expect([send(bearer(own)), send(bearer(claimed)), send(bearer(own))]).toEqual(["forwarded", "authentication_unknown_key", "forwarded"]);
  });

  test("not kept from one configuration to the next", () => {
    load({ jwtRules: [rule()] });
    expect([send(bearer(token)), send(bearer(token))]).toEqual(["forwarded", "forwarded"]);
    plugin.update({ jwtRules: [rule({ audiences: ["other"] })] });
    expect(send(bearer(token))).toBe("authentication_audience");
    plugin.update({ jwtRules: [rule({ issuer: "https://other.example.com" })] });
    expect(send(bearer(token))).toBe("authentication_issuer");
  });

  test("holds no token that was refused, so that one by one its bytes tell nothing", async () => {
    load({ jwtRules: [rule()] });
    const [head, payload, signature] = parts(token);
    const changed = `${head}.${payload}.${signature.replace(/^./, (first) => (first === "A" ? "B" : "A"))}`;
    for (let i = 0; i < 3; i++) expect(send(bearer(changed))).toBe("authentication_signature");
    expect(send(bearer(token))).toBe("forwarded");
    expect(send(bearer(changed))).toBe("authentication_signature");
  });

  test("more tokens than it holds are all verified", async () => {
    load();
    const many = await Promise.all(
      Array.from({ length: 3_000 }, (_, index) => sign(key("HS256"), { sub: `user-${index}`, x: "x".repeat(500) })),
    );
    for (let turn = 0; turn < 2; turn++) for (const one of many) expect(send(bearer(one))).toBe("forwarded");
  });
});
