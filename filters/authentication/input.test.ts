import { createHmac } from "node:crypto";
import fc from "fast-check";
import { jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import { HostError } from "../../harness/host/index.ts";
import { CONFIGURATION, KEYS, MUTATIONS } from "./mutations.mts";
import { bearer, encode, GOOD, host, key, keys, load, loadWithoutForeignFunctions, plugin, rule, send, token } from "./tester.mts";
import { FUTURE, ISSUER, keySet } from "./tokens.mts";

// Generated and broken input: nothing makes the module trap, hang or grow, and nothing passes that `jose` would refuse.

const broken = (good: string) =>
  fc
    .array(fc.tuple(fc.nat(good.length), fc.nat(3), fc.string({ unit: "binary-ascii", maxLength: 4 })), { minLength: 1, maxLength: 4 })
    .map((edits) => edits.reduce((text, [at, removed, added]) => text.slice(0, at) + added + text.slice(at + removed), good));

/** A token signed with a secret that is trusted, whatever stands in it. */
function hs256(payload: string): string {
  const message = `${encode({ alg: "HS256" })}.${encode(payload)}`;
  const secret = key("HS256").privateKey as Uint8Array;
  return `${message}.${createHmac("sha256", secret).update(message).digest("base64url")}`;
}

const leaf = fc.oneof(fc.jsonValue(), fc.constantFrom(ISSUER, FUTURE, 0, -1, 1e300, 1.5, "x".repeat(3_000)));
const mostly = <T>(likely: fc.Arbitrary<T>) => fc.oneof({ weight: 9, arbitrary: likely }, { weight: 1, arbitrary: leaf });
/** Seconds around the time of the host's clock, 2026-01-01, and others. */
const time = fc.oneof(fc.integer({ min: 1_767_225_500, max: 1_767_225_700 }), fc.constantFrom(FUTURE, 0, -1), fc.double());
const claims = fc.record(
  {
    iss: mostly(fc.constant(ISSUER)),
    sub: mostly(fc.string()),
    aud: mostly(fc.oneof(fc.string(), fc.array(fc.string()))),
    exp: mostly(time),
    nbf: mostly(time),
    iat: mostly(time),
    azp: leaf,
    more: leaf,
  },
  { requiredKeys: ["iss"] },
);

describe("configurations", () => {
  const updated = (value: unknown) => {
    const first = host.logs.lines.length;
    try {
      plugin.update(value);
      return true;
    } catch (error) {
      expect(HostError.from(error).code).toBe("configuration-refused");
      const [line] = host.logs.lines.slice(first).filter(({ level }) => level === "error");
      expect(line?.message).toMatch(/^configuration of authentication refused: [^\r\n]+$/);
      return false;
    }
  };

  test("broken in places are taken, or refused in one line", () => {
    load(GOOD);
    fc.assert(
      fc.property(broken(GOOD), (value) => void updated(value)),
      { numRuns: 300 },
    );
  });

  const text = fc.oneof(
    fc.string(),
    fc.constantFrom(ISSUER, "x-a", "authorization", ":path", "Bearer ", "1s", "0s", "9999999h", "https://a.org/k", "a.b"),
  );
  const places = {
    fromHeaders: fc.array(fc.record({ name: text, prefix: text }, { requiredKeys: ["name"] })),
    fromParams: fc.array(text),
    fromCookies: fc.array(text),
  };
  const jwtRule = fc.record(
    {
      issuer: text,
      audiences: fc.array(text),
      jwks: fc.oneof(text, fc.constant('{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}')),
      jwksUri: text,
      jwksCluster: text,
      cacheDuration: text,
      staleDuration: text,
      timeout: text,
      ...places,
      outputPayloadToHeader: text,
      outputClaimToHeaders: fc.array(fc.record({ header: text, claim: text })),
      forwardOriginalToken: fc.boolean(),
      clockSkew: text,
    },
    { requiredKeys: ["issuer"] },
  );
  const consumer = fc.record({ name: text, sha256: fc.array(fc.oneof(text, fc.constant("ab".repeat(32)))) });
  const apiKeys = fc.record(
    { ...places, consumers: fc.array(consumer), outputConsumerToHeader: text, forwardOriginalKey: fc.boolean() },
    { requiredKeys: ["consumers"] },
  );
  const configuration = fc.record(
    { jwtRules: fc.array(jwtRule, { maxLength: 3 }), apiKeys: fc.array(apiKeys, { maxLength: 2 }), required: fc.boolean() },
    { requiredKeys: [] },
  );

  test("of the schema's words are taken, or refused in one line; what is taken decides", () => {
    load(GOOD);
    fc.assert(
      fc.property(configuration, (value) => {
        if (updated(value))
          expect(send([...bearer(token), ["x-a", token], ["cookie", `a=${token}`]], `/?a=${token}`)).toMatch(
            /^(forwarded|authentication_)/,
          );
      }),
      { numRuns: 600 },
    );
  });

  test("a thousand of them, taken or refused, leave memory as it was", () => {
    load(GOOD);
    const values = fc.sample(fc.oneof(configuration, broken(GOOD)), { seed: 20, numRuns: 1_000 });
    for (const value of values) updated(value);
    const before = plugin.memorySize();
    for (const value of values) updated(value);
    expect(plugin.memorySize()).toBe(before);
  });
});

test("key sets broken in places never trap", () => {
  load();
  const good = keySet(...keys.values());
  fc.assert(
    fc.property(broken(good), (jwks) => {
      try {
        plugin.update({ jwtRules: [rule({ jwks })] });
      } catch (error) {
        expect(HostError.from(error).code).toBe("configuration-refused");
      }
    }),
    { numRuns: 100 },
  );
});

describe("tokens", () => {
  test("broken in places are refused", () => {
    load();
    fc.assert(
      fc.property(broken(token), (value) => {
        if (value.trim() !== token) expect(send(bearer(value))).toMatch(/^authentication_/);
      }),
      { numRuns: 1_000 },
    );
  });

  test("of any claims never pass where jose would refuse them", async () => {
    load();
    const secret = key("HS256").privateKey as Uint8Array;
    const currentDate = new Date("2026-01-01T00:00:00Z");
    let passed = 0;
    await fc.assert(
      fc.asyncProperty(claims, async (value) => {
        const made = hs256(JSON.stringify(value));
        const outcome = send(bearer(made));
        expect(outcome).toMatch(/^(forwarded|authentication_)/);
        if (outcome !== "forwarded") return;
        passed++;
        await jwtVerify(made, secret, { issuer: ISSUER, currentDate, clockTolerance: 60 });
      }),
      { numRuns: 1_000 },
    );
    expect(passed).toBeGreaterThan(0);
  });

  test("of any payload and header never trap", () => {
    load();
    const header = fc.record(
      { alg: fc.oneof(fc.constantFrom("HS256", "RS256", "ES512", "EdDSA", "none"), leaf), kid: leaf, typ: leaf, crit: leaf },
      { requiredKeys: [] },
    );
    const segment = fc.oneof(fc.jsonValue(), header, claims).map((value) => encode(JSON.stringify(value)));
    const anything = fc.oneof(segment, fc.base64String(), fc.string());
    fc.assert(
      fc.property(anything, anything, anything, (first, second, third) => {
        expect(send([["authorization", `Bearer ${first}.${second}.${third}`]])).toMatch(/^authentication_/);
      }),
      { numRuns: 1_000 },
    );
  });
});

test("places of any bytes are looked at without a trap", () => {
  const places = { fromHeaders: [{ name: "x-t", prefix: "T " }, { name: "x-t" }], fromParams: ["t", "%74"], fromCookies: ["t"] };
  load({ jwtRules: [rule({ ...places, outputClaimToHeaders: [{ header: "x-sub", claim: "sub" }] })] });
  const bytes = fc.oneof(
    fc.string({ unit: "binary-ascii" }),
    fc.constantFrom("T ", token, `T ${token}`, `t=${token}`, "t=", "t", "&", "; ", "=", "%74"),
  );
  const value = fc.array(bytes, { maxLength: 5 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("x-t", "cookie", "x-sub"), value), { maxLength: 5 }), value, (headers, query) => {
      expect(send(headers, `/p?${query}`)).toMatch(/^(forwarded|authentication_)/);
    }),
    { numRuns: 1_000 },
  );
});

describe("memory stays as it was", () => {
  test("over 20,000 mixed requests: tokens seen and new, bad ones of every kind, API keys and none", { timeout: 120_000 }, async () => {
    const { apiKeys } = JSON.parse(GOOD) as { apiKeys: unknown };
    load({ ...CONFIGURATION, apiKeys });
    const good = MUTATIONS.find(({ name }) => name === "nothing");
    const seen = await Promise.all(KEYS.map(async (each) => String(await good?.make(each))));
    const bad = (await Promise.all(KEYS.flatMap((each) => MUTATIONS.map(async ({ make }) => make(each))))).filter(
      (made) => made !== undefined,
    );
    const fresh = (index: number) => hs256(JSON.stringify({ iss: ISSUER, sub: `user ${index}`, aud: "reviews", exp: FUTURE }));
    const request = (index: number) => {
      switch (index % 5) {
        case 0:
          return send(bearer(seen[index % seen.length] ?? ""));
        case 1:
          return send(bearer(fresh(index)));
        case 2:
          return send(bearer(bad[index % bad.length] ?? ""));
        case 3:
          return send([["x-api-key", index % 2 === 0 ? "an example key" : `key ${index}`]]);
        default:
          return send([]);
      }
    };
    const outcomes = new Set<string>();
    for (let i = 0; i < 5_000; i++) outcomes.add(request(i));
    const before = plugin.memorySize();
    for (let i = 5_000; i < 25_000; i++) request(i);
    expect(plugin.memorySize()).toBe(before);
    expect([...outcomes].toSorted()).toEqual(
      expect.arrayContaining([
        "authentication_api_key",
        "authentication_expired",
        "authentication_missing",
        "authentication_signature",
        "forwarded",
      ]),
    );
  });

  test("over requests that wait for keys, and come or go", () => {
    let calls = 0;
    host.clusters.set("issuer", { http: () => ({ status: 500, delay: 100 + (calls++ % 50) }) });
    load({ jwtRules: [{ issuer: ISSUER, jwksUri: "http://issuer.example.com/keys", jwksCluster: "issuer", cacheDuration: "1s" }] });
    const turn = (count: number) => {
      for (let i = 0; i < count; i++) send(bearer(token));
    };
    turn(1_000);
    const before = plugin.memorySize();
    turn(10_000);
    expect(plugin.memorySize()).toBe(before);
  });
});

test("a host that verifies no signatures sees the same: every algorithm is verified here", async () => {
  loadWithoutForeignFunctions(CONFIGURATION);
  const signatures = MUTATIONS.filter(({ details }) => details === undefined || details === "authentication_signature");
  for (const each of KEYS) {
    for (const { name, details, make } of signatures) {
      const made = await make(each);
      if (made !== undefined) expect(send(bearer(made)), `${each.alg}, ${name}`).toBe(details ?? "forwarded");
    }
  }
});
