import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Told } from "../testing/ask.ts";
import { EchoMesh, to, virtualService } from "../testing/echo-mesh.ts";

const POLICIES: Readonly<Record<string, object>> = {
  full: {
    allowOrigins: [{ exact: "https://exact.test" }, { prefix: "https://prefix." }, { regex: "https://[a-z]+\\.regex\\.test" }],
    allowMethods: ["GET", "POST"],
    allowHeaders: ["x-a", "x-b"],
    exposeHeaders: ["x-c", "x-d"],
    maxAge: "1h",
    allowCredentials: true,
  },
  least: { allowOrigins: [{ exact: "https://exact.test" }] },
  any: { allowOrigins: [{ regex: ".*" }], allowCredentials: false },
  present: { allowOrigins: [{}] },
  older: { allowOrigin: ["https://exact.test"] },
  "older-any": { allowOrigin: ["*"] },
  "both-lists": { allowOrigin: ["https://older.test"], allowOrigins: [{ exact: "https://exact.test" }] },
  unspecified: { allowOrigins: [{ exact: "https://exact.test" }], unmatchedPreflights: "UNSPECIFIED" },
  forward: { allowOrigins: [{ exact: "https://exact.test" }], unmatchedPreflights: "FORWARD" },
  ignore: { allowOrigins: [{ exact: "https://exact.test" }], unmatchedPreflights: "IGNORE" },
};

/** Headers of CORS, without what they all begin with. */
function corsOf({ headers }: Told): Readonly<Record<string, string>> {
  const prefix = "access-control-";
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [])),
  );
}

describe("CORS", () => {
  let mesh: EchoMesh;

  beforeAll(async () => {
    mesh = await EchoMesh.start({
      objects: Object.entries(POLICIES).map(([name, corsPolicy]) =>
        virtualService(name, [`${name}.test`], [{ corsPolicy, route: [to("reviews/v1")] }]),
      ),
    });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  const preflight = (host: string, origin: string, method = "GET") =>
    mesh.ask(`${host}.test`, {
      method: "OPTIONS",
      headers: [
        ["origin", origin],
        ["access-control-request-method", method],
      ],
    });
  const get = (host: string, origin: string) => mesh.ask(`${host}.test`, { headers: [["origin", origin]] });

  test.each(["https://exact.test", "https://prefix.test", "https://a.regex.test"])(
    "a preflight of %s is answered, for any method",
    async (origin) => {
      for (const method of ["GET", "DELETE"]) {
        const told = await preflight("full", origin, method);
        expect([told.status, told.seen]).toEqual([200, undefined]);
        expect(corsOf(told)).toEqual({
          "allow-origin": origin,
          "allow-methods": "GET,POST",
          "allow-headers": "x-a,x-b",
          "expose-headers": "x-c,x-d",
          "max-age": "3600",
          "allow-credentials": "true",
        });
      }
    },
  );

  test.each(["https://exact.test.evil", "http://exact.test", "https://aprefix.test", "https://1.regex.test", "null"])(
    "a preflight of %s goes to the service",
    async (origin) => {
      const told = await preflight("full", origin);
      expect([told.seen?.by, told.seen?.method, corsOf(told)]).toEqual(["reviews-v1", "OPTIONS", {}]);
    },
  );

  test("a request of an origin that may call gets the answer with what it may read", async () => {
    const told = await get("full", "https://exact.test");
    expect(told.seen?.by).toBe("reviews-v1");
    expect(corsOf(told)).toEqual({ "allow-origin": "https://exact.test", "expose-headers": "x-c,x-d", "allow-credentials": "true" });
  });

  test("another one gets the answer, and its browser keeps it", async () => {
    const told = await get("full", "https://evil.test");
    expect([told.seen?.by, corsOf(told)]).toEqual(["reviews-v1", {}]);
  });

  test("what is not there is not said", async () => {
    expect(corsOf(await preflight("least", "https://exact.test"))).toEqual({ "allow-origin": "https://exact.test" });
  });

  test("any origin is told by its own name", async () => {
    for (const host of ["any", "present", "older-any"])
      expect(corsOf(await get(host, "https://a.test"))).toEqual({ "allow-origin": "https://a.test" });
  });

  test("the older list is exact, and counts where there is no newer one", async () => {
    expect(corsOf(await get("older", "https://exact.test"))).toEqual({ "allow-origin": "https://exact.test" });
    expect(corsOf(await get("older", "https://exact.test.evil"))).toEqual({});
    expect(corsOf(await get("both-lists", "https://exact.test"))).toEqual({ "allow-origin": "https://exact.test" });
    expect(corsOf(await get("both-lists", "https://older.test"))).toEqual({});
  });

  test("preflights of other origins go on, or are answered without a word", async () => {
    for (const host of ["forward", "unspecified"]) expect((await preflight(host, "https://evil.test")).seen?.by).toBe("reviews-v1");
    const told = await preflight("ignore", "https://evil.test");
    expect([told.status, told.seen, corsOf(told)]).toEqual([200, undefined, {}]);
    expect((await get("ignore", "https://evil.test")).seen?.by).toBe("reviews-v1");
  });
});
