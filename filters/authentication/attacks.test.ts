import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign as signBytes } from "node:crypto";
import { exportJWK } from "jose";
import { describe, expect, test } from "vitest";
import { HostError } from "../../harness/host/index.ts";
import { bearer, clock, encode, HEADER, host, key, load, PAYLOAD, parts, raw, rule, send, token } from "./tester.mts";
import { ALGORITHMS, FUTURE, ISSUER, sign } from "./tokens.mts";

// Attacks by name: nothing gets in that should not.

test("the tokens of this file that are not changed pass", () => {
  load();
  expect(send(bearer(token))).toBe("forwarded");
  expect(send(bearer(raw(HEADER, PAYLOAD)))).toBe("forwarded");
});

describe("attacks on tokens", () => {
  const rows: ReadonlyArray<readonly [string, () => string]> = [
    ...["none", "None", "NONE", "nOnE", ""].map(
      (alg) => [`alg ${JSON.stringify(alg)}`, () => `${encode({ alg })}.${encode(PAYLOAD)}.`] as const,
    ),
    ["alg none with a signature", () => raw({ alg: "none" }, PAYLOAD)],
    ["alg in lower case", () => raw({ ...HEADER, alg: "rs256" }, PAYLOAD)],
    ["alg no string", () => raw({ ...HEADER, alg: ["RS256"] }, PAYLOAD)],
    ["no alg", () => raw({ kid: "RS256" }, PAYLOAD)],
    [
      "HS/RS key confusion",
      () => {
        const pem = createPublicKey(key("RS256").privateKey).export({ type: "spki", format: "pem" });
        const message = `${encode({ alg: "HS256", kid: "RS256" })}.${encode(PAYLOAD)}`;
        return `${message}.${createHmac("sha256", pem).update(message).digest("base64url")}`;
      },
    ],
    ["alg against the key's alg", () => raw({ alg: "RS256", kid: "RS512" }, PAYLOAD)],
    ["embedded jwk", () => raw({ ...HEADER, jwk: key("RS256").jwk }, PAYLOAD)],
    ["jku", () => raw({ ...HEADER, jku: "https://evil.example.com" }, PAYLOAD)],
    ["x5u", () => raw({ ...HEADER, x5u: "https://evil.example.com" }, PAYLOAD)],
    ["x5c", () => raw({ ...HEADER, x5c: [] }, PAYLOAD)],
    ["unknown crit", () => raw({ ...HEADER, crit: ["exp"], exp: 1 }, PAYLOAD)],
    ["b64: false", () => raw({ ...HEADER, b64: false, crit: ["b64"] }, PAYLOAD)],
    ["kid as path", () => raw({ ...HEADER, kid: "../../dev/null" }, PAYLOAD)],
    ["kid as SQL", () => raw({ ...HEADER, kid: "' OR 1=1 --" }, PAYLOAD)],
    ["kid null", () => raw({ ...HEADER, kid: null }, PAYLOAD)],
    ["kid duplicate", () => raw('{"alg":"RS256","kid":"x","kid":"RS256"}', PAYLOAD)],
    ["JWE", () => `${encode({ alg: "RSA-OAEP", enc: "A256GCM" })}.a.b.c.d`],
    ["enc in three parts", () => raw({ ...HEADER, enc: "A256GCM" }, PAYLOAD)],
    ["JSON serialisation", () => JSON.stringify({ protected: parts(token)[0], payload: parts(token)[1], signature: parts(token)[2] })],
    ["an empty payload", () => `${parts(token)[0]}..${parts(token)[2]}`],
    ["no signature", () => `${parts(token)[0]}.${parts(token)[1]}.`],
    ["two parts", () => `${parts(token)[0]}.${parts(token)[1]}`],
    ["four parts", () => `${token}.x`],
    ["base64 padding", () => `${token}==`],
    ["base64 white space", () => token.replace(".", " .")],
    ["base64 +/", () => token.replaceAll("-", "+").replaceAll("_", "/")],
    [
      "base64 trailing bits",
      () => {
        const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1) ?? "") + 1];
      },
    ],
    ["duplicate members", () => raw(HEADER, `{"iss":"${ISSUER}","sub":"ann","sub":"bob"}`)],
    ["duplicate members, once escaped", () => raw(HEADER, `{"iss":"${ISSUER}","sub":"ann","s\\u0075b":"bob"}`)],
    ["bad UTF-8", () => `${encode(HEADER)}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString("base64url")}.AAAA`],
    ["BOM", () => raw(HEADER, `\ufeff${JSON.stringify(PAYLOAD)}`)],
    ["a list as payload", () => raw(HEADER, [PAYLOAD])],
    ["deep nesting", () => raw(HEADER, `{"iss":"${ISSUER}","x":${"[".repeat(300)}${"]".repeat(300)}}`)],
    ["a giant token", () => raw(HEADER, { ...PAYLOAD, x: "x".repeat(20_000) })],
    ["exp as string", () => raw(HEADER, { ...PAYLOAD, exp: String(FUTURE) })],
    ["exp 1e400", () => raw(HEADER, `{"iss":"${ISSUER}","exp":1e400}`)],
    ["exp -1e400", () => raw(HEADER, `{"iss":"${ISSUER}","exp":-1e400}`)],
    ["exp negative", () => raw(HEADER, { ...PAYLOAD, exp: -1 })],
    ["exp 0", () => raw(HEADER, { ...PAYLOAD, exp: 0 })],
    ["exp null", () => raw(HEADER, { ...PAYLOAD, exp: null })],
    ["nbf in the future", () => raw(HEADER, { ...PAYLOAD, nbf: FUTURE })],
    ["nbf as string", () => raw(HEADER, { ...PAYLOAD, nbf: "1" })],
    ["iat in the future", () => raw(HEADER, { ...PAYLOAD, iat: FUTURE })],
    ["iss prefix", () => raw(HEADER, { ...PAYLOAD, iss: `${ISSUER}.evil.com` })],
    ["iss with NUL", () => raw(HEADER, { ...PAYLOAD, iss: `${ISSUER}\0` })],
    ["iss as list", () => raw(HEADER, { ...PAYLOAD, iss: [ISSUER] })],
    ["no iss", () => raw(HEADER, { sub: "ann" })],
    ["sub as number", () => raw(HEADER, { ...PAYLOAD, sub: 1 })],
    ["another's key", () => raw(HEADER, PAYLOAD, generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey)],
  ];
  test.each(rows)("%s", (_, make) => {
    load();
    expect(send(bearer(make()))).toMatch(/^authentication_(?!missing)/);
  });

  test.each(["ES256", "ES384", "ES512"])("psychic zero r/s, too large r/s, extra bytes and DER with %s (CVE-2022-21449)", async (alg) => {
    load();
    const [head, payload, signature] = parts(await sign(key(alg)));
    const bytes = Buffer.from(signature, "base64url");
    const half = bytes.length / 2;
    const wrong = [
      Buffer.alloc(bytes.length),
      Buffer.concat([Buffer.alloc(half), bytes.subarray(half)]),
      Buffer.concat([bytes.subarray(0, half), Buffer.alloc(half)]),
      Buffer.alloc(bytes.length, 0xff),
      Buffer.concat([bytes, Buffer.alloc(1)]),
      Buffer.concat([bytes, bytes]),
      bytes.subarray(1),
      signBytes("sha256", Buffer.from(`${head}.${payload}`), { key: key(alg).privateKey as KeyObject, dsaEncoding: "der" }),
    ];
    for (const value of wrong) expect(send(bearer(`${head}.${payload}.${value.toString("base64url")}`))).toBe("authentication_signature");
    expect(send(bearer(`${head}.${payload}.${signature}`))).toBe("forwarded");
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
    clock.advance(101_000);
    expect(send([["x-a", short]])).toBe("authentication_expired");
  });

  test("more tokens than it holds are all verified", async () => {
    load();
    const many = await Promise.all(
      Array.from({ length: 3_000 }, (_, index) => sign(key("HS256"), { sub: `user-${index}`, x: "x".repeat(500) })),
    );
    for (let turn = 0; turn < 2; turn++) for (const one of many) expect(send(bearer(one))).toBe("forwarded");
  });
});
