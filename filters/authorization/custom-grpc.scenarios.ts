import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect } from "vitest";
import type { ChainSpec } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { checkResponse, readCheckRequest, type CheckResponse } from "../testing/ext-authz.ts";
import { scenario } from "../testing/scenario.ts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));

// Not in the time of the first scenario.
beforeAll(async () => {
  await compileFilter(entry);
});

type Answer = NonNullable<ChainSpec["callouts"]>[string];
type Asked = ReturnType<typeof readCheckRequest>;

let asked: { path: string | undefined; authority: string | undefined; request: Asked } | undefined;

/** A chain whose CUSTOM policy for paths that begin with /a asks an authoriser over gRPC. */
const custom =
  (answer: Answer | CheckResponse, provider: object = {}, ...more: readonly object[]) =>
  async (): Promise<ChainSpec> => ({
    filters: [
      {
        name: "authorization",
        module: await compileFilter(entry),
        allowOnHeadersStopIteration: true,
        configuration: {
          extensionProviders: [{ name: "portal", envoyExtAuthzGrpc: { cluster: "portal", timeout: "1s", ...provider } }],
          policies: [
            { name: "c", action: "CUSTOM", provider: { name: "portal" }, rules: [{ to: [{ operation: { paths: ["/a*"] } }] }] },
            ...more,
          ],
        },
      },
    ],
    callouts: {
      ["cluster" in provider ? String(provider.cluster) : "portal"]: (request) => {
        const { ":path": path, ":authority": authority } = Object.fromEntries(request.headers);
        asked = { path, authority, request: readCheckRequest(request.body) };
        return typeof answer === "function" ? answer(request) : { status: 200, body: checkResponse(answer) };
      },
    },
  });

describe("the CheckRequest", () => {
  scenario("has the request and both peers", { chain: custom({ code: 0 }, { contextExtensions: { zone: "shop" } }) }, async (run) => {
    const result = await run.send({
      id: "one",
      path: "/a/b?c=d",
      method: "PUT",
      authority: "shop.example",
      scheme: "https",
      sni: "shop.example",
      source: { address: "10.1.2.3:4000", principal: "spiffe://cluster.local/ns/shop/sa/ann" },
      destination: { address: "10.9.8.7", port: 8443 },
      headers: [
        ["x-one", "1"],
        ["x-one", ""],
        ["x-one", "3"],
        ["authorization", "Bearer t"],
        ["x-envoy-auth-partial-body", "forged"],
      ],
      body: "not sent",
    });
    expect(result).toForward();
    expect(result.request?.body).toBe("not sent");
    expect(asked?.path).toBe("/envoy.service.auth.v3.Authorization/Check");
    expect(asked?.request).toMatchObject({
      source: { address: "10.1.2.3", port: 4000, principal: "spiffe://cluster.local/ns/shop/sa/ann" },
      destination: { address: "10.9.8.7", port: 8443 },
      method: "PUT",
      path: "/a/b?c=d",
      host: "shop.example",
      scheme: "https",
      size: 0,
      protocol: "HTTP/1.1",
      body: "",
      rawBody: "",
      contextExtensions: { zone: "shop" },
      serverName: "shop.example",
    });
    expect(asked?.request.headers).toMatchObject({
      ":method": "PUT",
      ":path": "/a/b?c=d",
      ":authority": "shop.example",
      ":scheme": "https",
      "x-one": "1,,3",
      authorization: "Bearer t",
    });
    expect(asked?.request.headers).not.toHaveProperty("x-envoy-auth-partial-body");
    expect(asked?.request.id).not.toBe("");
    expect(Math.abs((asked?.request.seconds ?? 0) - Date.now() / 1_000)).toBeLessThan(600);
    expect(result.decisions.map(({ rule, result: decision }) => [rule, decision])).toEqual([
      ["c[0]", "allow"],
      ["", "allow"],
    ]);
    expect(await run.metrics()).toMatchObject({ "authorization.custom_allowed": 1 });
  });
  scenario("what no CUSTOM rule matches is not asked about", { chain: custom({ code: 7 }) }, async (run) => {
    expect(await run.send({ path: "/b" })).toForward();
  });
  scenario(
    "goes to a cluster of Istio's name too",
    { chain: custom({ code: 0 }, { cluster: "outbound|9000||portal.shop" }) },
    async (run) => {
      expect(await run.send({ path: "/a" })).toForward();
      expect(asked?.authority).toBe("outbound_.9000_._.portal.shop");
    },
  );
  scenario("has x-request-id as its id", { chain: custom({ code: 0 }) }, async (run) => {
    expect(await run.send({ path: "/a", headers: [["x-request-id", "one"]] })).toForward();
    expect(asked?.request.id).toBe("one");
  });
});

describe("a permission", () => {
  scenario(
    "changes the headers and the query of the request",
    {
      chain: custom({
        code: 0,
        ok: {
          headers: [
            { name: "x-user", value: "ann" },
            { name: "x-list", value: "c", append: true },
            { name: "x-absent", value: "c", append: true },
            { name: "x-set", value: "1", append: false },
            { name: "X-Caps", value: "1" },
            { name: "content-length", value: "7" },
          ],
          headersToRemove: ["authorization", "X-Gone", ":path", "host"],
          queryToSet: [
            ["q", "2"],
            ["new", "3"],
          ],
          queryToRemove: ["r"],
        },
      }),
    },
    async (run) => {
      const result = await run.send({
        path: "/a?q=1&s=%20&r=1&q=4&r",
        headers: [
          ["x-user", "bob"],
          ["x-user", "eve"],
          ["x-list", "a"],
          ["x-list", "b"],
          ["authorization", "secret"],
          ["x-gone", "1"],
        ],
      });
      expect(result).toForward();
      expect(result.request?.path).toBe("/a?q=2&s=%20&new=3");
      expect(result).toSendHeader("x-user", "ann");
      expect(result.request?.headers.filter(([name]) => name === "x-list")).toEqual([
        ["x-list", "a,c"],
        ["x-list", "b"],
      ]);
      expect(result).toSendHeader("x-absent");
      expect(result).toSendHeader("x-set", "1");
      expect(result).toSendHeader("x-caps", "1");
      expect(result).toSendHeader("authorization");
      expect(result).toSendHeader("x-gone");
    },
  );
  scenario(
    "changes the headers of the response",
    {
      chain: custom({
        code: 0,
        ok: {
          responseHeaders: [
            { name: "x-add", value: "2" },
            { name: "x-append", value: "2", append: true },
            { name: "x-over", value: "2", append: false },
            { name: "x-if-absent", value: "2", appendAction: 1 },
            { name: "x-absent", value: "2", appendAction: 1 },
            { name: "x-set", value: "2", appendAction: 2 },
            { name: "x-if-exists", value: "2", appendAction: 3 },
            { name: "x-missing", value: "2", appendAction: 3 },
          ],
        },
      }),
    },
    async (run) => {
      const names = ["x-add", "x-append", "x-over", "x-if-absent", "x-set", "x-if-exists"];
      const result = await run.send({ path: "/a", response: { headers: names.map((name) => [name, "1"] as const) } });
      expect(result.response?.headers.filter(([name]) => name.startsWith("x-"))).toEqual([
        ["x-absent", "2"],
        ["x-add", "1"],
        ["x-add", "2"],
        ["x-append", "1"],
        ["x-append", "2"],
        ["x-if-absent", "1"],
        ["x-if-exists", "2"],
        ["x-over", "2"],
        ["x-set", "2"],
      ]);
      // The next request of the same connection has none of it.
      expect((await run.send({ path: "/b" })).response?.headers.filter(([name]) => name.startsWith("x-"))).toEqual([]);
    },
  );
  scenario(
    "can change path, method and host, and the policies judge what it made of them",
    {
      chain: custom(
        {
          code: 0,
          ok: {
            headers: [
              { name: ":path", value: "/new" },
              { name: ":method", value: "POST" },
              { name: "host", value: "new.example" },
            ],
          },
        },
        {},
        { name: "d", action: "DENY", rules: [{ to: [{ operation: { paths: ["/a"] } }] }] },
      ),
    },
    async (run) => {
      const result = await run.send({ path: "/a" });
      expect(result).toForward();
      expect(result.request).toMatchObject({ path: "/new", method: "POST", authority: "new.example" });
    },
  );
  scenario(
    "CVE-2024-45809: cannot lead past a DENY policy by another route",
    {
      chain: async () => ({
        ...(await custom(
          { code: 0, ok: { headers: [{ name: "x-role", value: "admin" }] } },
          {},
          { name: "d", action: "DENY", rules: [{ when: [{ key: "request.headers[x-role]", values: ["admin"] }] }] },
        )()),
        routes: [
          { match: { prefix: "/", headers: [{ name: "x-role", exact: "admin" }] }, cluster: "upstream" },
          { match: { prefix: "/" }, cluster: "upstream" },
        ],
      }),
    },
    async (run) => {
      expect(await run.send({ path: "/a" })).toRespond(403, "authorization_denied_policy[d]_rule[0]");
    },
  );
  scenario(
    "to a path that is not normalised is none",
    { chain: custom({ code: 0, ok: { headers: [{ name: ":path", value: "/x/../admin" }] } }) },
    async (run) => {
      expect(await run.send({ path: "/a" })).toRespond(403, "authorization_denied_path_not_normalized");
    },
  );
});

describe("a denial", () => {
  scenario(
    "is answered with its status, headers and body",
    {
      chain: custom({
        code: 16,
        denied: {
          status: 401,
          headers: [
            { name: "www-authenticate", value: "Bearer" },
            { name: "x-two", value: "1" },
            { name: "x-two", value: "2" },
            { name: ":status", value: "200" },
            { name: "content-length", value: "9999" },
          ],
          body: "who are you?",
        },
      }),
    },
    async (run) => {
      const result = await run.send({ path: "/a" });
      expect(result).toRespond(401, "authorization_denied_policy[c]_rule[0]");
      expect(result.response?.body).toBe("who are you?");
      expect(result.response?.headers.filter(([name]) => name.startsWith("x-") || name.startsWith("www"))).toEqual([
        ["www-authenticate", "Bearer"],
        ["x-two", "1"],
        ["x-two", "2"],
      ]);
      expect(await run.metrics()).toMatchObject({ "authorization.custom_denied": 1, "authorization.denied": 1 });
    },
  );
  for (const [title, answer] of [
    ["a status alone", { code: 7 }],
    ["a negative status", { code: -1 }],
    ["an HTTP status that says that all is well", { code: 7, denied: { status: 200 } }],
    ["an HTTP status that there is not", { code: 7, denied: { status: 9_999 } }],
  ] as ReadonlyArray<readonly [string, CheckResponse]>) {
    scenario(`is 403 for ${title}`, { chain: custom(answer) }, async (run) => {
      expect(await run.send({ path: "/a" })).toRespond(403, "authorization_denied_policy[c]_rule[0]");
    });
  }
});
