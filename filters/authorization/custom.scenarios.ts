import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect } from "vitest";
import { scenario } from "../testing/scenario.ts";
import type { ChainSpec } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));

// Not in the time of the first scenario.
beforeAll(async () => {
  await compileFilter(entry);
});
const to = (operation: object) => ({ to: [{ operation }] });
const when = (key: string, condition: object) => ({ when: [{ key, ...condition }] });

describe("CUSTOM over HTTP", () => {
  type Answer = NonNullable<ChainSpec["callouts"]>[string];
  const asked: Array<ReadonlyArray<readonly [string, string]>> = [];
  const custom =
    (answer: Answer, provider: object = {}, ...more: readonly object[]) =>
    async (): Promise<ChainSpec> => ({
      filters: [
        {
          name: "authorization",
          module: await compileFilter(entry),
          configuration: {
            extensionProviders: [{ name: "portal", envoyExtAuthzHttp: { cluster: "portal", ...provider } }],
            policies: [{ name: "c", action: "CUSTOM", provider: { name: "portal" }, rules: [to({ paths: ["/a*"] })] }, ...more],
          },
        },
      ],
      callouts: {
        portal: (request) => {
          asked.push(request.headers);
          return answer(request);
        },
      },
    });
  const lastAsked = (name: string) =>
    asked
      .at(-1)
      ?.filter(([key]) => key === name)
      .map(([, value]) => value);

  scenario(
    "an allowed request goes on with the headers of the answer",
    {
      chain: custom(
        () => ({
          status: 200,
          headers: [
            ["x-user", "ann"],
            ["x-other", "1"],
          ],
        }),
        {
          pathPrefix: "/check",
          includeRequestHeadersInCheck: ["cookie", "x-p-*"],
          includeAdditionalHeadersInCheck: { "x-p-zone": "shop" },
          headersToUpstreamOnAllow: ["x-user"],
        },
        { name: "d", action: "DENY", rules: [when("request.headers[x-user]", { values: ["bob"] })] },
      ),
    },
    async (run) => {
      const result = await run.send({
        path: "/a?b=c",
        authority: "shop.example",
        method: "PUT",
        headers: [
          ["x-user", "bob"],
          ["cookie", "s=1"],
          ["x-p-one", "1"],
          ["x-p-zone", "forged"],
          ["x-secret", "s"],
        ],
      });
      expect(result).toForward();
      expect(result).toSendHeader("x-user", "ann");
      expect(result).toSendHeader("x-other");
      expect(lastAsked(":path")).toEqual(["/check/a?b=c"]);
      expect(lastAsked(":method")).toEqual(["PUT"]);
      expect(lastAsked(":authority")).toEqual(["shop.example"]);
      expect(lastAsked("cookie")).toEqual(["s=1"]);
      expect(lastAsked("x-p-one")).toEqual(["1"]);
      expect(lastAsked("x-p-zone")).toEqual(["shop"]);
      expect(lastAsked("x-secret")).toEqual([]);
      expect(result.decisions.map(({ rule, result: decision }) => [rule, decision])).toEqual([
        ["c[0]", "allow"],
        ["", "allow"],
      ]);
      expect(await run.metrics()).toMatchObject({ "authorization.custom_allowed": 1 });
    },
  );
  scenario("what no CUSTOM rule matches is not asked about", { chain: custom(() => ({ status: 403 })) }, async (run) => {
    expect(await run.send({ path: "/b" })).toForward();
  });
  scenario(
    "a denied request gets the answer",
    {
      chain: custom(
        () => ({
          status: 302,
          headers: [
            ["location", "/login"],
            ["set-cookie", "s=2"],
            ["x-inner", "1"],
          ],
          body: "go there",
        }),
        { headersToDownstreamOnDeny: ["set-cookie"] },
      ),
    },
    async (run) => {
      const result = await run.send({ path: "/a" });
      expect(result).toRespond(302, "authorization_denied_policy[c]_rule[0]");
      expect(result.response?.body).toBe("go there");
      expect(result).toReturnHeader("location", "/login");
      expect(result).toReturnHeader("set-cookie", "s=2");
      expect(result).toReturnHeader("x-inner");
    },
  );
  scenario(
    "an allowed request's response has headers of the answer, and its own lose what the answer removes",
    {
      chain: custom(
        () => ({
          status: 200,
          headers: [
            ["x-down", "1"],
            ["x-down", "2"],
            ["x-inner", "1"],
            ["x-envoy-auth-headers-to-remove", "authorization, X-Gone,:path, host"],
          ],
        }),
        { headersToDownstreamOnAllow: ["x-d*"], includeHeadersInCheck: ["x-old"], clearRouteCache: true },
      ),
    },
    async (run) => {
      const result = await run.send({
        path: "/a",
        headers: [
          ["authorization", "Bearer t"],
          ["x-gone", "1"],
          ["x-old", "1"],
          ["x-envoy-auth-partial-body", "false"],
        ],
        response: { headers: [["x-down", "0"]] },
      });
      expect(result).toForward();
      expect(result.response?.headers.filter(([name]) => name.startsWith("x-"))).toEqual([
        ["x-down", "0"],
        ["x-down", "1"],
        ["x-down", "2"],
      ]);
      expect(result).toSendHeader("authorization");
      expect(result).toSendHeader("x-gone");
      // As Envoy's ext_authz, whatever the configuration.
      expect(lastAsked("authorization")).toEqual(["Bearer t"]);
      expect(lastAsked("x-old")).toEqual(["1"]);
      expect(lastAsked("x-envoy-auth-partial-body")).toEqual([]);
    },
  );
  scenario("a good status that is not 200 denies", { chain: custom(() => ({ status: 204 })) }, async (run) => {
    expect(await run.send({ path: "/a" })).toRespond(403, "authorization_denied_policy[c]_rule[0]");
  });
  for (const [title, answer] of [
    ["5xx", () => ({ status: 500 })],
    ["too late", () => ({ status: 200, delay: 2_000 })],
    ["a reset", () => ({ reset: true })],
  ] as ReadonlyArray<readonly [string, Answer]>) {
    scenario(`fails closed: ${title}`, { chain: custom(answer, { timeout: "200ms", statusOnError: "503" }) }, async (run) => {
      expect(await run.send({ path: "/a" })).toRespond(503, "authorization_denied_provider_failed");
      expect(await run.metrics()).toMatchObject({ "authorization.custom_errors": 1 });
    });
    scenario(
      `fails open where asked to: ${title}`,
      { chain: custom(answer, { timeout: "200ms", failOpen: true }, { name: "d", action: "DENY", rules: [to({ paths: ["/a/b"] })] }) },
      async (run) => {
        expect(await run.send({ path: "/a" })).toForward();
        expect(await run.send({ path: "/a/b" })).toRespond(403, "authorization_denied_policy[d]_rule[0]");
      },
    );
  }
  scenario("fails closed: an unknown cluster", { chain: custom(() => ({ status: 200 }), { cluster: "nowhere" }) }, async (run) => {
    expect(await run.send({ path: "/a" })).toRespond(403, "authorization_denied_provider_failed");
  });
  scenario(
    "DENY still goes after an allowed request",
    { chain: custom(() => ({ status: 200 }), {}, { name: "d", action: "DENY", rules: [{}] }) },
    async (run) => {
      expect(await run.send({ path: "/a" })).toRespond(403, "authorization_denied_policy[d]_rule[0]");
    },
  );
});
