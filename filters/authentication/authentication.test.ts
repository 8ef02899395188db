import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { CalloutAnswer } from "../../harness/target/index.ts";
import { bearer, clock, GOOD, HEADER, host, key, load, PAYLOAD, plugin, raw, rule, send, token } from "./tester.mts";
import { FUTURE, ISSUER, keySet, sign } from "./tokens.mts";

// What other filters read, and key sets over time. Generated and broken input stands in input.test.ts.

describe("what other filters read", () => {
  function state(headers: ReadonlyArray<readonly [string, string]>): unknown {
    const stream = host.chain([plugin]).openStream();
    stream.sendHeaders([[":method", "GET"], [":path", "/"], [":authority", "a.org"], ...headers]);
    const value = stream.info.filterState.get("wasm.meshwright.authentication")?.value;
    stream.disconnect();
    return value === undefined ? undefined : JSON.parse(Buffer.from(value, "latin1").toString("utf8"));
  }

  test("says principal, audiences, presenter and claims as the token has them, the first time and from the cache", async () => {
    load({ jwtRules: [rule()] });
    const claims = { iss: ISSUER, sub: 'a"\\\u00e9', exp: FUTURE, aud: "one", azp: "client", nested: { list: [1, "x"] } };
    const given = await sign(key("ES256"), claims);
    const expected = { principal: `${ISSUER}/${claims.sub}`, audiences: ["one"], presenter: "client", claims };
    expect(state(bearer(given))).toEqual(expected);
    expect(state(bearer(given))).toEqual(expected);
    const list = await sign(key("ES256"), { aud: ["a", "b"] });
    expect(state(bearer(list))).toMatchObject({ audiences: ["a", "b"] });
  });

  test("says it of any claims, however they are written, the first time and from the cache", () => {
    load({ jwtRules: [rule()] });
    const text = fc.oneof(fc.string(), fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 }));
    const claims = fc.record(
      { sub: text, aud: fc.oneof(text, fc.array(text)), azp: fc.oneof(text, fc.integer()), more: fc.jsonValue() },
      { requiredKeys: [] },
    );
    const space = fc.string({ unit: fc.constantFrom(..." \t\r\n"), maxLength: 12 });
    fc.assert(
      fc.property(claims, space, space, fc.nat(2), (own, before, behind, indent) => {
        const whole = JSON.parse(JSON.stringify({ ...own, iss: ISSUER })) as typeof own;
        const given = bearer(raw(HEADER, before + JSON.stringify(whole, null, indent) + behind));
        const { sub = "", aud, azp } = whole;
        const expected = {
          ...(sub === "" ? {} : { principal: `${ISSUER}/${sub}` }),
          ...(aud === undefined ? {} : { audiences: typeof aud === "string" ? [aud] : aud }),
          ...(typeof azp === "string" ? { presenter: azp } : {}),
          claims: whole,
        };
        expect(state(given)).toEqual(expected);
        expect(state(given)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  test("names no principal for an empty sub, and says nothing without a token, whatever a client sends", async () => {
    load({ jwtRules: [rule()] });
    expect(state(bearer(await sign(key("ES256"), { sub: "" })))).not.toHaveProperty("principal");
    expect(
      state([
        ["wasm.meshwright.authentication", "{}"],
        ["meshwright.authentication", "{}"],
      ]),
    ).toBeUndefined();
    expect(state(bearer("x"))).toBeUndefined();
  });

  test("names the consumer of an API key beside the token", () => {
    const { apiKeys } = JSON.parse(GOOD) as { apiKeys: unknown };
    load({ jwtRules: [rule()], apiKeys });
    expect(state([["x-api-key", "an example key"]])).toEqual({ consumer: "batch" });
    expect(state([...bearer(token), ["x-api-key", "an example key"]])).toMatchObject({ principal: `${ISSUER}/ann`, consumer: "batch" });
  });
});

describe("key sets by URI", () => {
  let answer: CalloutAnswer;
  let fetched = 0;
  const remote = {
    issuer: ISSUER,
    jwksUri: "http://issuer.example.com/keys",
    jwksCluster: "issuer",
    cacheDuration: "10m",
    staleDuration: "1h",
  };

  beforeEach(() => {
    fetched = 0;
    host.clusters.set("issuer", { http: () => (fetched++, answer) });
    answer = { status: 200, body: keySet(key("RS256")) };
    load({ jwtRules: [remote] });
  });

  /** Seconds pass, with their ticks. */
  function pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) clock.advance(1_000);
  }

  test("are fetched at once, and again before they expire", () => {
    expect([fetched, send(bearer(token))]).toEqual([1, "forwarded"]);
    pass(590);
    expect(fetched).toBe(1);
    pass(15);
    expect(fetched).toBe(2);
  });

  test("serve on through an outage, for a bounded time, then deny (CVE-2026-31837)", () => {
    expect(send(bearer(token))).toBe("forwarded");
    answer = { status: 500 };
    pass(605);
    expect(send(bearer(token))).toBe("forwarded");
    pass(3_700);
    expect(send(bearer(token))).toBe("authentication_no_keys");
    answer = { status: 200, body: keySet(key("RS256")) };
    pass(60);
    expect(send(bearer(token))).toBe("forwarded");
  });

  test("go on to the configuration after, which fetches none as long as they hold", () => {
    answer = { status: 500 };
    plugin.update({ jwtRules: [{ ...remote, outputPayloadToHeader: "x-payload" }] });
    expect([send(bearer(token)), fetched]).toEqual(["forwarded", 1]);
    pass(605);
    expect(send(bearer(token))).toBe("forwarded");
    pass(3_700);
    expect(send(bearer(token))).toBe("authentication_no_keys");
  });

  test("do not go on to rules that fetch elsewhere, nor when nothing has come", () => {
    plugin.update({ jwtRules: [{ ...remote, jwksUri: "http://issuer.example.com/others" }] });
    expect(fetched).toBe(2);
    answer = { status: 500 };
    plugin.update({ jwtRules: [{ ...remote, jwksUri: "http://issuer.example.com/third" }] });
    plugin.update({ jwtRules: [{ ...remote, jwksUri: "http://issuer.example.com/third", forwardOriginalToken: true }] });
    expect([fetched, send(bearer(token))]).toEqual([4, "authentication_no_keys"]);
  });

  test("are asked for again at once where a first answer fails, as one does whose cluster is replaced", () => {
    const statuses = [500, 200];
    host.clusters.set("issuer", { http: () => ({ status: statuses.shift() ?? 500, body: keySet(key("RS256")) }) });
    plugin.update({ jwtRules: [{ ...remote, jwksUri: "http://issuer.example.com/flaky" }] });
    expect(send(bearer(token))).toBe("forwarded");
  });

  test("are waited for where clusters that are replaced cut off what is on its way, again and again", () => {
    host.clusters.set("issuer", {});
    plugin.update({ jwtRules: [{ ...remote, jwksUri: "http://issuer.example.com/replaced" }] });
    const waiting = Array.from({ length: 3 }, () => {
      const stream = host.chain([plugin]).openStream();
      stream.sendHeaders([[":method", "GET"], [":path", "/"], [":authority", "a.org"], ...bearer(token)]);
      return stream;
    });
    for (let i = 0; i < 4; i++) {
      host.worker.callouts.pending[0]?.fail();
      pass(1);
      if (i === 1) waiting[1]?.disconnect();
      expect([host.worker.callouts.pending.length, waiting[0]?.details, waiting[2]?.details]).toEqual([1, undefined, undefined]);
    }
    host.worker.callouts.pending[0]?.respond(answer);
    pass(1);
    expect([waiting[0]?.state, waiting[2]?.state]).toEqual(["forwarded", "forwarded"]);
  });

  test("are waited for where their cluster is not there yet, for as long as a fetch may take", () => {
    host.clusters.delete("issuer");
    plugin.update({ jwtRules: [{ ...remote, jwksUri: "http://issuer.example.com/late", timeout: "1500ms" }] });
    const open = () => {
      const stream = host.chain([plugin]).openStream();
      stream.sendHeaders([[":method", "GET"], [":path", "/"], [":authority", "a.org"], ...bearer(token)]);
      return stream;
    };
    const first = open();
    expect(first.state).not.toBe("responded");
    pass(2);
    expect(first.details).toBe("authentication_no_keys");
    expect(send(bearer(token))).toBe("authentication_no_keys");
    plugin.update({ jwtRules: [{ ...remote, jwksUri: "http://issuer.example.com/later", timeout: "1500ms" }] });
    const second = open();
    host.clusters.set("issuer", { http: () => answer });
    pass(1);
    expect(second.state).toBe("forwarded");
  });

  test("are waited for by 65,536 requests at once, and by more where others have left", { timeout: 60_000 }, () => {
    host.clusters.set("issuer", {});
    plugin.update({ jwtRules: [{ ...remote, jwksUri: "http://issuer.example.com/awaited" }] });
    const chain = host.chain([plugin]);
    const open = () => {
      const stream = chain.openStream();
      stream.sendHeaders([[":method", "GET"], [":path", "/"], [":authority", "a.org"], ...bearer(token)]);
      return stream;
    };
    const waiting = Array.from({ length: 65_536 }, open);
    expect(waiting.at(-1)?.state).toBe("paused");
    expect(open().details).toBe("authentication_no_keys");
    for (let i = 0; i < 500; i++) waiting.pop()?.disconnect();
    const late = Array.from({ length: 500 }, open);
    // Those that have left are not looked for each time.
    expect(late.filter(({ state }) => state === "paused").length).toBeGreaterThan(240);
    waiting.push(...late.filter(({ state }) => state === "paused"));
    host.worker.callouts.pending[0]?.respond({ status: 200, body: keySet(key("RS256")) });
    expect(waiting.map(({ state }) => state).filter((state) => state !== "forwarded")).toEqual([]);
  });

  test("are fetched for an unknown kid at most once in 30 s, and the token waits for them", async () => {
    const other = await sign(key("ES256"));
    pass(31);
    answer = { status: 200, body: keySet(key("RS256"), key("ES256")) };
    expect([send(bearer(other)), fetched]).toEqual(["forwarded", 2]);
    for (let i = 0; i < 20; i++)
      expect(send(bearer(raw({ alg: "RS256", kid: `made up ${i}` }, PAYLOAD)))).toBe("authentication_unknown_key");
    expect(fetched).toBe(2);
    pass(31);
    expect(send(bearer(raw({ alg: "RS256", kid: "made up" }, PAYLOAD)))).toBe("authentication_unknown_key");
    expect(fetched).toBe(3);
  });

  test("that no longer hold a key take its tokens out of the cache", () => {
    expect(send(bearer(token))).toBe("forwarded");
    answer = { status: 200, body: keySet(key("ES256")) };
    pass(605);
    expect(send(bearer(token))).toBe("authentication_unknown_key");
  });

  test("fetched a hundred times, each other ones, leave memory as it was", () => {
    const turn = (count: number) => {
      for (let i = 0; i < count; i++) {
        answer = { status: 200, body: keySet(key(i % 2 === 0 ? "RS256" : "ES256")) };
        pass(601);
      }
    };
    turn(20);
    const before = plugin.memorySize();
    turn(100);
    expect(fetched).toBeGreaterThan(100);
    expect(plugin.memorySize()).toBe(before);
  });
});
