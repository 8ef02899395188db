import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import type { ChainSpec } from "../../harness/target/index.ts";
import { ISSUER, keySet, sign, signingKey } from "../authentication/tokens.mts";
import { compileFilter } from "../testing/assembly.ts";
import { scenario } from "../testing/scenario.ts";

// What several filters do to one stream. Every scenario runs with the filters as modules of their own, and with them inside `mesh`.

const rs256 = await signingKey("RS256");
const token = await sign(rs256);
const bearer: [string, string] = ["authorization", `Bearer ${token}`];

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

const entry = (name: string) => compileFilter(fileURLToPath(new URL(`../${name}/index.ts`, import.meta.url)));

/** A chain of these filters, in the order of the object. */
const chain =
  (configurations: Readonly<Record<string, object>>, rest: Partial<ChainSpec> = {}) =>
  async (): Promise<ChainSpec> => ({
    ...rest,
    filters: await Promise.all(
      Object.entries(configurations).map(async ([name, configuration]) => ({ name, module: await entry(name), configuration })),
    ),
  });

const inline = { jwtRules: [{ issuer: ISSUER, jwks: keySet(rs256) }] };
const signedIn = { policies: [{ name: "signed-in", rules: [{ from: [{ source: { requestPrincipals: [`${ISSUER}/*`] } }] }] }] };
const portal = {
  extensionProviders: [{ name: "portal", envoyExtAuthzHttp: { cluster: "portal", headersToUpstreamOnAllow: ["x-user"] } }],
  policies: [{ name: "ask", action: "CUSTOM", provider: { name: "portal" }, rules: [{}] }, ...signedIn.policies],
};
const marking = {
  rules: [
    {
      name: "answer",
      match: { uri: { exact: "/answer" } },
      directResponse: { status: 418, body: "tea" },
      headers: { response: { set: { "x-by": "routing" } } },
    },
    { name: "ann", match: { headers: { "x-user": { exact: "ann" } } }, headers: { request: { set: { "x-route": "ann" } } } },
    { name: "rest", headers: { request: { set: { "x-route": "rest" } }, response: { set: { "x-by": "routing" } } } },
  ],
};
const allows: NonNullable<ChainSpec["callouts"]> = { portal: () => ({ status: 200, headers: [["x-user", "ann"]], delay: 20 }) };

describe("a request", () => {
  scenario(
    "comes by all, in order",
    { chain: chain({ authentication: inline, authorization: signedIn, routing: marking }) },
    async (run) => {
      const result = await run.send({ path: "/", headers: [bearer] });
      expect(result).toForward();
      expect(result).toSendHeader("x-route", "rest");
      expect(result).toSendHeader("authorization");
      expect(result.decisions.map(({ filter }) => filter)).toEqual(["authentication", "authorization", "routing"]);
      expect(result.response?.headers).toContainEqual(["x-by", "routing"]);
    },
  );

  scenario(
    "that waits for an authoriser then comes by the rest, with its body and with what it was given",
    { chain: chain({ authentication: inline, authorization: portal, routing: marking }, { callouts: allows }) },
    async (run) => {
      const result = await run.send({
        method: "POST",
        path: "/",
        headers: [bearer, ["x-user", "forged"]],
        body: "a body that is held meanwhile",
      });
      expect(result).toForward();
      expect(result).toSendHeader("x-route", "ann");
      expect(result.request?.body).toBe("a body that is held meanwhile");
      expect(result.response?.headers).not.toContainEqual(["x-by", "routing"]);
    },
  );

  scenario(
    "that one filter refuses after it waited does not come by those behind",
    {
      chain: chain(
        { authentication: inline, authorization: portal, routing: marking },
        { callouts: { portal: () => ({ status: 403, body: "no", delay: 20 }) } },
      ),
    },
    async (run) => {
      expect(await run.send({ path: "/", headers: [bearer] })).toRespond(403);
      expect(await run.metrics()).toMatchObject({
        "authentication.allowed": 1,
        "authorization.custom_denied": 1,
      });
      expect((await run.metrics())["routing.matched"] ?? 0).toBe(0);
    },
  );
});

describe("what one filter knows", () => {
  const apiKeys = [{ fromHeaders: [{ name: "x-api-key" }], consumers: [{ name: 'night "batch"', sha256: [sha256("key")] }] }];
  const consumers = { policies: [{ name: "jobs", rules: [{ when: [{ key: "request.auth.consumer", values: ['night "batch"'] }] }] }] };
  scenario(
    "others read: the owner of an API key",
    { chain: chain({ authentication: { apiKeys }, authorization: consumers }) },
    async (run) => {
      expect(await run.send({ path: "/", headers: [["x-api-key", "key"]] })).toForward();
      expect(await run.send({ path: "/" })).toRespond(403, "authorization_denied_no_allow_policy_matched");
    },
  );

  // A token is parsed when it is verified, and kept so: what had to be decoded must be the same when it comes again.
  const rules = [
    {
      from: [{ source: { requestPrincipals: [`${ISSUER}/a"b`] } }],
      when: [{ key: "request.auth.claims[realm][groups]", values: ["op\\s/\u00fc"] }],
    },
  ];
  const bucket = { maxTokens: 2, tokensPerFill: 1, fillInterval: "3600s" };
  const byPrincipal = {
    limits: [{ name: "each", descriptors: [{ requestPrincipal: true }, { claim: '[realm]["]' }], tokenBucket: bucket }],
  };
  const claims = { sub: 'a"b', realm: { groups: ["none", "op\\s/\u00fc"], '"': "\t", "": [], deep: { number: 1.5, is: null } } };

  scenario(
    "others read: claims of a token, new and seen before",
    { chain: chain({ authentication: inline, authorization: { policies: [{ name: "ops", rules }] }, ratelimit: byPrincipal }) },
    async (run) => {
      const send = async (more: Record<string, unknown> = {}) =>
        run.send({ path: "/", headers: [["authorization", `Bearer ${await sign(rs256, { ...claims, ...more })}`]] });
      expect(await send()).toForward();
      expect(await send()).toForward();
      expect(await send()).toRespond(429);
      expect(await send({ realm: { ...claims.realm, '"': "other" } })).toForward();
      expect(await send({ sub: "a" })).toRespond(403);
      expect(await send({ realm: {} })).toRespond(403);
      expect(await send({ realm: {} })).toRespond(403);
    },
  );
});

describe("an answer", () => {
  scenario(
    "of a filter comes by it and those in front of it, and not by those behind",
    { chain: chain({ routing: marking, authorization: { policies: [{ name: "nobody" }] } }) },
    async (run) => {
      const answered = await run.send({ path: "/answer" });
      expect(answered).toRespond(418, "routing_direct_response");
      expect(answered.response?.headers).toContainEqual(["x-by", "routing"]);
      const denied = await run.send({ path: "/" });
      expect(denied).toRespond(403);
      expect(denied.response?.headers).toContainEqual(["x-by", "routing"]);
    },
  );

  scenario(
    "of a filter in front does not come by one behind",
    { chain: chain({ authorization: { policies: [{ name: "nobody" }] }, routing: marking }) },
    async (run) => {
      const denied = await run.send({ path: "/" });
      expect(denied).toRespond(403);
      expect(denied.response?.headers).not.toContainEqual(["x-by", "routing"]);
    },
  );
});
