import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ISSUER, keySet, sign, signingKey } from "../../../../filters/authentication/tokens.mts";
import type { Question } from "../testing/ask.ts";
import { EchoMesh, to, virtualService } from "../testing/echo-mesh.ts";

const claim = (name: string, match: object) => ({ headers: { [`@request.auth.claims${name}`]: match } });
const without = (name: string, match: object) => ({ withoutHeaders: { [`@request.auth.claims${name}`]: match } });

/** What a rule asks for; claims of tokens that it takes, and of some that it leaves. */
type Row = readonly [what: string, match: object, takes: readonly (object | undefined)[], leaves: readonly (object | undefined)[]];

const ROWS: readonly Row[] = [
  ["a text", claim(".group", { exact: "dev" }), [{ group: "dev" }], [{ group: "Dev" }, { group: "devs" }, {}, undefined]],
  [
    "an entry of a list",
    claim(".group", { exact: "dev" }),
    [{ group: ["ops", "dev"] }, { group: ["ops", null, "dev"] }],
    [{ group: ["ops"] }, { group: [] }, { group: ["ops", ["dev"]] }],
  ],
  ["a prefix", claim(".group", { prefix: "de" }), [{ group: "dev" }, { group: ["ops", "dev"] }], [{ group: "ode" }]],
  ["a regular expression", claim("[group]", { regex: "d.v" }), [{ group: "dev" }], [{ group: "devs" }]],
  [
    "a claim within a claim",
    claim("[org][team]", { exact: "a" }),
    [{ org: { team: "a" } }, { org: { team: ["a"] } }],
    [{ org: { team: "b" } }, { org: "a" }, { team: "a" }, { org: ["team", "a"] }],
  ],
  ["the same with dots", claim(".org.team", { exact: "a" }), [{ org: { team: "a" } }], [{ "org.team": "a" }]],
  ["a claim whose name is a number", claim("[org][1]", { exact: "a" }), [{ org: { 1: "a" } }], [{ org: ["a"] }, { org: { 2: "a" } }]],
  ["a claim that is there", claim(".group", {}), [{ group: "" }, { group: [] }, { group: {} }, { group: 0 }], [{}, undefined]],
  ["no number, and no boolean", claim(".level", { exact: "1" }), [{ level: "1" }], [{ level: 1 }, { level: true }]],
  [
    "a word of the scope",
    claim(".scope", { exact: "read" }),
    [{ scope: "write read" }, { scope: "read" }, { scope: ["read"] }],
    [{ scope: "reads" }, { scope: "" }],
  ],
  ["a word of the permission", claim(".permission", { exact: "read" }), [{ permission: "write read" }], [{ permission: "write" }]],
  ["no word of others", claim(".group", { exact: "dev" }), [], [{ group: "ops dev" }]],
  ["letters, however they are written", claim(".name", { exact: 'Zoë "\\ 茶 🙂\t' }), [{ name: 'Zoë "\\ 茶 🙂\t' }], [{ name: "Zoe" }]],
  [
    "no claim that is so",
    without(".group", { exact: "guest" }),
    [{ group: "dev" }, {}, undefined],
    [{ group: "guest" }, { group: ["guest"] }],
  ],
  ["no claim at all", without(".group", {}), [{}, undefined], [{ group: "dev" }]],
];

/** Tells the client what routes know of the token. */
const SHOWN = { response: { set: { "x-group": "%DYNAMIC_METADATA(meshwright.authentication:claims:group)%" } } };

describe("routes by the claims of a verified token ask for", () => {
  let mesh: EchoMesh;
  let key: Awaited<ReturnType<typeof signingKey>>;

  beforeAll(async () => {
    key = await signingKey("ES256");
    const split = (name: string, match: object, more: readonly object[] = [{ route: [to("reviews/v1")] }]) =>
      virtualService(name, [`${name}.test`], [{ match: [match], route: [to("reviews/v2")] }, ...more], { gateways: ["edge"] });
    mesh = await EchoMesh.start({
      nodeId: "router~10.0.0.2~ingress-1.default~default.svc.cluster.local",
      metadata: { LABELS: { app: "ingress" } },
      objects: (port) => [
        {
          apiVersion: "networking.istio.io/v1",
          kind: "Gateway",
          metadata: { name: "edge" },
          spec: { selector: { app: "ingress" }, servers: [{ port: { number: port, name: "http", protocol: "HTTP" }, hosts: ["*"] }] },
        },
        {
          apiVersion: "extensions.istio.io/v1alpha1",
          kind: "WasmPlugin",
          metadata: { name: "authentication" },
          spec: { url: "builtin://authentication", pluginConfig: { jwtRules: [{ issuer: ISSUER, jwks: keySet(key) }] } },
        },
        ...ROWS.map(([, match], index) => split(`row-${index}`, match)),
        split("alone", claim(".group", { exact: "dev" }), []),
        virtualService("told", ["told.test"], [{ match: [claim(".group", {})], route: [to("reviews")], headers: SHOWN }], {
          gateways: ["edge"],
        }),
        virtualService("no-claims", ["no-claims.test"], [{ route: [to("reviews")], headers: SHOWN }], { gateways: ["edge"] }),
        virtualService(
          "wild",
          ["*.wild.test"],
          [{ match: [claim(".group", { exact: "dev" })], route: [to("reviews/v2")] }, { route: [to("reviews/v1")] }],
          { gateways: ["edge"] },
        ),
        virtualService("any", ["*"], [{ route: [to("ratings")] }], { gateways: ["edge"] }),
        virtualService(
          "many",
          ["many.test"],
          [
            ...Array.from({ length: 100 }, (_, index) => ({
              match: [{ uri: { exact: `/${index}` }, ...claim(".group", { exact: `g${index}` }) }],
              route: [to("reviews/v2")],
            })),
            { route: [to("reviews/v1")] },
          ],
          { gateways: ["edge"] },
        ),
      ],
    });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  async function asked(host: string, claims: object | undefined, question: Question = {}) {
    const headers = claims === undefined ? [] : ([["authorization", `Bearer ${await sign(key, { ...claims })}`]] as const);
    return mesh.askGateway(host, { ...question, headers: [...headers, ...(question.headers ?? [])] });
  }

  test.each(ROWS.map((row, index) => [row[0], index, row] as const))("%s", async (_what, index, [, , takes, leaves]) => {
    for (const claims of takes) expect([claims, (await asked(`row-${index}.test`, claims)).seen?.by]).toEqual([claims, "reviews-v2"]);
    for (const claims of leaves) expect([claims, (await asked(`row-${index}.test`, claims)).seen?.by]).toEqual([claims, "reviews-v1"]);
  });

  test("a host that has no route without a token", async () => {
    expect((await asked("alone.test", { group: "dev" })).seen?.by).toBe("reviews-v2");
    expect(await asked("alone.test", { group: "ops" })).toMatchObject({ status: 404, seen: undefined });
    expect(await asked("alone.test", undefined)).toMatchObject({ status: 404, seen: undefined });
  });

  test("any form of a host", async () => {
    for (const host of ["ROW-0.test", "row-0.test:8080", "a.wild.test", "A.B.WILD.test"]) {
      expect([host, (await asked(host, { group: "dev" })).seen?.by]).toEqual([host, "reviews-v2"]);
      expect([host, (await asked(host, { group: "ops" })).seen?.by]).toEqual([host, "reviews-v1"]);
    }
  });

  test("one of many routes", async () => {
    expect((await asked("many.test", { group: "g70" }, { path: "/70" })).seen?.by).toBe("reviews-v2");
    expect((await asked("many.test", { group: "g71" }, { path: "/70" })).seen?.by).toBe("reviews-v1");
  });

  test("nothing that a client says without a signature", async () => {
    const headers = [
      ["@request.auth.claims.group", "dev"],
      ["x-group", "dev"],
    ] as const;
    expect((await asked("row-0.test", undefined, { headers: headers.slice(1) })).seen?.by).toBe("reviews-v1");
    const forged = (await sign(key, { group: "ops" })).split(".");
    forged[1] = Buffer.from(JSON.stringify({ iss: ISSUER, group: "dev" })).toString("base64url");
    expect((await mesh.askGateway("row-0.test", { headers: [["authorization", `Bearer ${forged.join(".")}`]] })).status).toBe(401);
  });

  test("for hosts whose routes ask for none nothing is handed on", async () => {
    expect((await asked("told.test", { group: "dev" })).headers["x-group"]).toBe("dev");
    expect((await asked("no-claims.test", { group: "dev" })).headers["x-group"]).not.toBe("dev");
  });
});
