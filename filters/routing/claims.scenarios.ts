import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import type { ChainSpec, FilterSpec, HeaderList } from "../../harness/target/index.ts";
import { ISSUER, keySet, sign, signingKey } from "../authentication/tokens.mts";
import { compileFilter } from "../testing/assembly.ts";
import { scenario } from "../testing/scenario.ts";

// Istio's "JWT claim based routing": claims that `authentication` verified, by their names where a header's name can stand.

const path = (entry: string) => fileURLToPath(new URL(entry, import.meta.url));
const key = await signingKey("ES256");

type Row = readonly [title: string, match: object, claims: Record<string, unknown> | undefined, matches: boolean];

const GROUP = "@request.auth.claims[group]";
const wanted = (name: string, condition: object) => ({ headers: { [name]: condition } });
const unwanted = (name: string, condition: object) => ({ withoutHeaders: { [name]: condition } });

const ROWS: readonly Row[] = [
  ["exact", wanted(GROUP, { exact: "dev" }), { group: "dev" }, true],
  ["exact, other value", wanted(GROUP, { exact: "dev" }), { group: "ops" }, false],
  ["exact, other case", wanted(GROUP, { exact: "dev" }), { group: "Dev" }, false],
  ["exact, case ignored", wanted(GROUP, { exact: "dev", ignoreCase: true }), { group: "Dev" }, true],
  ["prefix", wanted(GROUP, { prefix: "dev" }), { group: "dev-1" }, true],
  ["regex", wanted(GROUP, { regex: "dev-[0-9]+" }), { group: "dev-12" }, true],
  ["by a dot", wanted("@request.auth.claims.group", { exact: "dev" }), { group: "dev" }, true],
  ["the first part in capitals", wanted("@Request.Auth.Claims.group", { exact: "dev" }), { group: "dev" }, true],
  ["the claim in capitals", wanted("@request.auth.claims.Group", { exact: "dev" }), { group: "dev" }, false],
  ["nested", wanted("@request.auth.claims[org][team]", { exact: "a" }), { org: { team: "a" } }, true],
  ["nested by dots", wanted("@request.auth.claims.org.team", { exact: "a" }), { org: { team: "a" } }, true],
  ["a name with dots", wanted("@request.auth.claims[https://x.org/g]", { exact: "a" }), { "https://x.org/g": "a" }, true],
  ["an entry of a list", wanted(GROUP, { exact: "dev" }), { group: ["ops", "dev"] }, true],
  ["no entry of a list", wanted(GROUP, { exact: "dev" }), { group: ["ops", 1] }, false],
  ["a word of scope", wanted("@request.auth.claims.scope", { exact: "write" }), { scope: "read write" }, true],
  ["a number", wanted("@request.auth.claims.level", { exact: "5" }), { level: 5 }, false],
  ["a boolean", wanted("@request.auth.claims.admin", { exact: "true" }), { admin: true }, false],
  ["present", wanted(GROUP, {}), { group: "" }, true],
  ["present, missing", wanted(GROUP, {}), { other: "dev" }, false],
  ["present, a number", wanted(GROUP, {}), { group: 1 }, false],
  ["absent", wanted(GROUP, { present: false }), { other: "dev" }, true],
  ["absent, no token", wanted(GROUP, { present: false }), undefined, true],
  ["no token", wanted(GROUP, { exact: "dev" }), undefined, false],
  ["without", unwanted(GROUP, { exact: "dev" }), { group: "ops" }, true],
  ["without, the value", unwanted(GROUP, { exact: "dev" }), { group: "dev" }, false],
  ["without, an entry of a list", unwanted(GROUP, { exact: "dev" }), { group: ["ops", "dev"] }, false],
  ["without, no token", unwanted(GROUP, { exact: "dev" }), undefined, true],
  [
    "two claims, both hold",
    { headers: { [GROUP]: { exact: "dev" }, "@request.auth.claims.sub": { exact: "ann" } } },
    { group: "dev" },
    true,
  ],
  ["a claim and a header, one holds", { headers: { [GROUP]: { exact: "dev" }, "x-h": {} } }, { group: "dev" }, false],
];

// Signed once: a signature of ES256 is another each time, and both targets get the same requests.
const credentials: readonly HeaderList[] = await Promise.all(
  ROWS.map(async ([, , claims]) => (claims === undefined ? [] : [["authorization", `Bearer ${await sign(key, claims)}`]])),
);

/** A rule for each row, for requests that choose that row; `front` hands over who is asking. */
const chain = (front: () => Promise<FilterSpec>) => async (): Promise<ChainSpec> => {
  const rules = ROWS.map(([name, match], row) => {
    const { headers, ...rest } = match as { headers?: object };
    return { name, match: { headers: { ...headers, "x-row": { exact: String(row) } }, ...rest }, route: "v2" };
  });
  return {
    filters: [await front(), { name: "routing", module: await compileFilter(path("index.ts")), configuration: { rules } }],
    routes: [
      { name: "v2", match: { prefix: "/", headers: [{ name: "x-meshwright-route", exact: "v2" }] }, cluster: "v2" },
      { name: "rest", match: { prefix: "/" }, cluster: "rest" },
    ],
  };
};

const authentication = async (): Promise<FilterSpec> => ({
  name: "authentication",
  module: await compileFilter(path("../authentication/index.ts")),
  configuration: { jwtRules: [{ issuer: ISSUER, jwks: keySet(key) }] },
});

/** Hands over what the request says, as `authentication` would after it verified a token. */
const handOver = async (): Promise<FilterSpec> => ({
  name: "hand-over",
  module: await compileFilter(path("../authorization/testing/index.ts")),
  rootId: "hand-over",
});

describe("claims", () => {
  scenario("of a verified token choose the route", { chain: chain(authentication) }, async (run) => {
    for (const [row, [name, , , matches]] of ROWS.entries()) {
      const { outcome, route } = await run.send({ path: "/", headers: [["x-row", String(row)], ...(credentials[row] ?? [])] });
      expect({ outcome, route }, name).toEqual({ outcome: "forward", route: matches ? "v2" : "rest" });
    }
  });

  const broken = ["{", "[]", '{"claims":{"group":"dev"}', '{"claims":{"a":1,"a":2}}', `{"claims":${"[".repeat(70)}${"]".repeat(70)}}`];
  scenario("that cannot be read meet no condition, and no negated one", { chain: chain(handOver) }, async (run) => {
    for (const [row, [name, , claims, matches]] of ROWS.entries()) {
      const state = claims === undefined ? [] : [["x-authentication", JSON.stringify({ claims: { sub: "ann", ...claims } })] as const];
      const good = await run.send({ path: "/", headers: [["x-row", String(row)], ...state] });
      expect(good.route, name).toBe(matches ? "v2" : "rest");
      for (const text of broken) {
        const { route } = await run.send({
          path: "/",
          headers: [
            ["x-row", String(row)],
            ["x-authentication", text],
          ],
        });
        expect(route, `${name}: ${text}`).toBe("rest");
      }
    }
  });
});
