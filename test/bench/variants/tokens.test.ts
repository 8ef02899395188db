import { importJWK, jwtVerify, type JSONWebKeySet, type JWTHeaderParameters } from "jose";
import { expect, test } from "vitest";
import { ALGORITHMS, AUDIENCE, ISSUER, Issuer, TOKEN_LENGTH } from "./tokens.ts";

const issuer = await Issuer.create(...ALGORITHMS);
const { keys: jwks } = JSON.parse(issuer.jwks) as JSONWebKeySet;
const keys = async ({ kid }: JWTHeaderParameters) => importJWK(jwks.find((key) => key.kid === kid) ?? {});

test.each(ALGORITHMS)("tokens with %s are valid, distinct, and as long as they should be", async (algorithm) => {
  const tokens = [0, 1, 2047].map((number) => issuer.token(algorithm, number));
  expect(new Set(tokens).size).toBe(3);
  for (const token of tokens) {
    expect(token).toHaveLength(TOKEN_LENGTH);
    await expect(jwtVerify(token, keys, { issuer: ISSUER, audience: AUDIENCE, algorithms: [algorithm] })).resolves.toBeDefined();
  }
});

test("a token has the claims that it is given", async () => {
  const { payload } = await jwtVerify(issuer.with("HS256", { sub: "ann", exp: 4_000_000_000 }), keys);
  expect(payload).toEqual({ iss: ISSUER, sub: "ann", exp: 4_000_000_000 });
});

test("there is no token without a key", async () => {
  const none = await Issuer.create("RS256");
  expect(() => none.token("ES256", 0)).toThrow("there is no key for ES256");
});
