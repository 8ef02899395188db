import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect } from "vitest";
import { scenario } from "../testing/scenario.ts";
import type { ChainSpec, ExchangeRequest } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));
const handOver = fileURLToPath(new URL("testing/index.ts", import.meta.url));

// Not in the time of the first scenario.
beforeAll(async () => {
  await Promise.all([compileFilter(entry), compileFilter(handOver)]);
});

/** A chain with the authorization filter, behind one that hands over a verified token. */
const authorization = (configuration: object) => async (): Promise<ChainSpec> => ({
  filters: [
    { name: "hand-over", module: await compileFilter(handOver), rootId: "hand-over" },
    { name: "authorization", module: await compileFilter(entry), configuration },
  ],
});

const policies = (...list: readonly object[]) => authorization({ policies: list.map((policy, i) => ({ name: `p${i}`, ...policy })) });

/** One ALLOW policy of one rule. */
const allow = (rule: object) => policies({ action: "ALLOW", rules: [rule] });
const deny = (rule: object) => policies({ action: "DENY", rules: [rule] });

interface RuleSpec {
  readonly from?: readonly object[];
  readonly to?: readonly object[];
  readonly when?: readonly object[];
}

type Row = readonly [title: string, rule: RuleSpec, request: Partial<ExchangeRequest>, matches: boolean];

/** Chooses one of the rules of a table, so that a whole table is one configuration. */
const ROW = "x-row";

/** The rule of a row, for requests that choose that row. */
function chosen(rule: Row[1], row: number): object {
  const choice = { key: `request.headers[${ROW}]`, values: [String(row)] };
  return { ...rule, when: [...(rule.when ?? []), choice] };
}

/** Rows, each as an ALLOW and as a DENY rule: what the one lets through the other does not. */
function table(title: string, rows: readonly Row[]): void {
  const rules = rows.map(([, rule], row) => chosen(rule, row));
  const requestOf = (row: number, request: Partial<ExchangeRequest>) => ({
    path: "/",
    ...request,
    headers: [...(request.headers ?? []), [ROW, String(row)] as const],
  });

  scenario(`${title}, to allow`, { chain: policies({ rules }) }, async (run) => {
    for (const [row, [name, , request, matches]] of rows.entries()) {
      const { outcome, details } = await run.send(requestOf(row, request));
      const denied = { outcome: "respond", details: "authorization_denied_no_allow_policy_matched" };
      if (matches) expect(outcome, name).toBe("forward");
      else expect({ outcome, details }, name).toEqual(denied);
    }
  });
  scenario(`${title}, to deny`, { chain: policies({ action: "DENY", rules }) }, async (run) => {
    for (const [row, [name, , request, matches]] of rows.entries()) {
      const { outcome, details } = await run.send(requestOf(row, request));
      const denied = { outcome: "respond", details: `authorization_denied_policy[p0]_rule[${row}]` };
      if (!matches) expect(outcome, name).toBe("forward");
      else expect({ outcome, details }, name).toEqual(denied);
    }
  });
}

const to = (operation: object) => ({ to: [{ operation }] });
const from = (source: object) => ({ from: [{ source }] });
const when = (key: string, condition: object) => ({ when: [{ key, ...condition }] });

table("paths", [
  ["exact", to({ paths: ["/a"] }), { path: "/a?b" }, true],
  ["exact, longer", to({ paths: ["/a"] }), { path: "/a/" }, false],
  ["exact, other case", to({ paths: ["/a"] }), { path: "/A" }, false],
  ["prefix", to({ paths: ["/a/*"] }), { path: "/a/b" }, true],
  ["prefix, shorter", to({ paths: ["/a/*"] }), { path: "/a" }, false],
  ["suffix", to({ paths: ["*.html"] }), { path: "/a/b.html" }, true],
  ["present", to({ paths: ["*"] }), { path: "/" }, true],
  ["one segment", to({ paths: ["/a/{*}/c"] }), { path: "/a/b/c" }, true],
  ["one segment, empty", to({ paths: ["/a/{*}"] }), { path: "/a/" }, false],
  ["the rest", to({ paths: ["/a/{**}"] }), { path: "/a/b/c" }, true],
  ["the rest, empty", to({ paths: ["/a/{**}"] }), { path: "/a/" }, true],
  ["the rest, without the slash", to({ paths: ["/a/{**}"] }), { path: "/a" }, false],
  ["second of two", to({ paths: ["/a", "/b"] }), { path: "/b" }, true],
  ["notPaths", to({ notPaths: ["/a"] }), { path: "/b" }, true],
  ["notPaths, found", to({ notPaths: ["/a", "/b*"] }), { path: "/bb" }, false],
  ["paths less notPaths", to({ paths: ["/a*"], notPaths: ["/ab"] }), { path: "/ab" }, false],
  ["normalised by Envoy", to({ paths: ["/admin"] }), { path: "/x/../%61dmin" }, true],
]);

table("methods", [
  ["exact", to({ methods: ["GET", "HEAD"] }), { method: "HEAD" }, true],
  ["other", to({ methods: ["GET"] }), { method: "POST" }, false],
  ["prefix", to({ methods: ["P*"] }), { method: "PUT" }, true],
  ["suffix", to({ methods: ["*T"] }), { method: "PUT" }, true],
  ["present", to({ methods: ["*"] }), { method: "PUT" }, true],
  ["notMethods", to({ notMethods: ["GET"] }), { method: "GET" }, false],
]);

table("hosts", [
  ["exact", to({ hosts: ["shop.example.com"] }), { authority: "shop.example.com" }, true],
  ["other case", to({ hosts: ["Shop.example.com"] }), { authority: "SHOP.example.COM" }, true],
  ["with a port, as in Istio", to({ hosts: ["shop.example.com"] }), { authority: "shop.example.com:8080" }, false],
  ["prefix takes the port", to({ hosts: ["shop.example.com:*"] }), { authority: "shop.example.com:8080" }, true],
  ["suffix", to({ hosts: ["*.example.com"] }), { authority: "shop.EXAMPLE.com" }, true],
  ["present", to({ hosts: ["*"] }), { authority: "x" }, true],
  ["notHosts", to({ notHosts: ["shop.example.com"] }), { authority: "shop.example.com" }, false],
  ["trailing dot is another host", to({ hosts: ["shop.example.com"] }), { authority: "shop.example.com." }, false],
]);

const peer = (principal: string): Partial<ExchangeRequest> => ({ scheme: "https", source: { principal } });
const ann = peer("spiffe://cluster.local/ns/shop/sa/ann");

table("principals", [
  ["exact", from({ principals: ["cluster.local/ns/shop/sa/ann"] }), ann, true],
  ["other", from({ principals: ["cluster.local/ns/shop/sa/bob"] }), ann, false],
  ["prefix", from({ principals: ["cluster.local/ns/shop/*"] }), ann, true],
  ["suffix", from({ principals: ["*/sa/ann"] }), ann, true],
  ["suffix, other", from({ principals: ["*/sa/an"] }), ann, false],
  ["present", from({ principals: ["*"] }), ann, true],
  ["present, plaintext", from({ principals: ["*"] }), {}, false],
  ["notPrincipals", from({ notPrincipals: ["cluster.local/ns/shop/sa/ann"] }), ann, false],
  ["notPrincipals, plaintext", from({ notPrincipals: ["cluster.local/ns/shop/sa/ann"] }), {}, true],
  ["namespaces", from({ namespaces: ["shop"] }), ann, true],
  ["namespaces, only a part", from({ namespaces: ["sho"] }), ann, false],
  ["namespaces, prefix", from({ namespaces: ["sh*"] }), ann, true],
  ["notNamespaces", from({ notNamespaces: ["shop"] }), ann, false],
  ["notNamespaces, plaintext", from({ notNamespaces: ["shop"] }), {}, true],
  ["serviceAccounts", from({ serviceAccounts: ["shop/ann"] }), ann, true],
  ["serviceAccounts, other namespace", from({ serviceAccounts: ["x/ann"] }), ann, false],
  ["serviceAccounts, only a part", from({ serviceAccounts: ["shop/an"] }), ann, false],
  ["notServiceAccounts", from({ notServiceAccounts: ["shop/ann"] }), ann, false],
  ["notServiceAccounts, plaintext", from({ notServiceAccounts: ["shop/ann"] }), {}, true],
  ["source.principal", when("source.principal", { values: ["cluster.local/ns/shop/sa/ann"] }), ann, true],
  ["source.namespace", when("source.namespace", { notValues: ["shop"] }), ann, false],
  ["source.serviceAccount", when("source.serviceAccount", { values: ["shop/ann"] }), ann, true],
]);

const address = (value: string): Partial<ExchangeRequest> => ({ source: { address: value } });

table("addresses and ports", [
  ["ipBlocks", from({ ipBlocks: ["10.0.0.0/8"] }), address("10.1.2.3:4000"), true],
  ["ipBlocks, outside", from({ ipBlocks: ["10.0.0.0/8", "10.1.2.3"] }), address("11.1.2.3:4000"), false],
  ["ipBlocks, IPv6", from({ ipBlocks: ["fd00::/8"] }), address("[fd12::1]:4000"), true],
  ["notIpBlocks", from({ notIpBlocks: ["10.0.0.0/8"] }), address("10.1.2.3:4000"), false],
  ["remoteIpBlocks", from({ remoteIpBlocks: ["10.0.0.0/8"] }), address("10.1.2.3:4000"), true],
  ["notRemoteIpBlocks", from({ notRemoteIpBlocks: ["10.0.0.0/8"] }), address("11.1.2.3:4000"), true],
  ["source.ip", when("source.ip", { values: ["10.1.2.3"] }), address("10.1.2.3:4000"), true],
  ["remote.ip", when("remote.ip", { notValues: ["10.1.2.3"] }), address("10.1.2.3:4000"), false],
  ["destination.ip", when("destination.ip", { values: ["10.9.0.0/16"] }), { destination: { address: "10.9.8.7" } }, true],
  ["ports", to({ ports: ["8443"] }), { destination: { port: 8443 } }, true],
  ["ports, not that of the authority", to({ ports: ["8443"] }), { authority: "x:8443", destination: { port: 80 } }, false],
  ["notPorts", to({ notPorts: ["8443"] }), { destination: { port: 8443 } }, false],
  ["destination.port", when("destination.port", { values: ["80", "8443"] }), { destination: { port: 8443 } }, true],
]);

const header = (...values: readonly string[]): Partial<ExchangeRequest> => ({ headers: values.map((value) => ["x-h", value] as const) });

table("headers", [
  ["exact", when("request.headers[X-H]", { values: ["a"] }), header("a"), true],
  ["exact, other", when("request.headers[x-h]", { values: ["a"] }), header("b"), false],
  ["prefix", when("request.headers[x-h]", { values: ["a*"] }), header("ab"), true],
  ["suffix", when("request.headers[x-h]", { values: ["*b"] }), header("ab"), true],
  ["present, empty", when("request.headers[x-h]", { values: ["*"] }), header(""), true],
  ["present, missing", when("request.headers[x-h]", { values: ["*"] }), {}, false],
  ["notValues", when("request.headers[x-h]", { notValues: ["a"] }), header("b"), true],
  ["notValues, missing", when("request.headers[x-h]", { notValues: ["a"] }), {}, true],
  ["repeated, the second", when("request.headers[x-h]", { values: ["b"] }), header("a", "b"), true],
  ["repeated, not their join", when("request.headers[x-h]", { values: ["a,b"] }), header("a", "b"), false],
  ["repeated, notValues with one of them", when("request.headers[x-h]", { notValues: ["b"] }), header("a", "b"), false],
  ["host is the authority", when("request.headers[host]", { values: ["a.example"] }), { authority: "a.example" }, true],
]);

table("SNI", [
  ["exact", when("connection.sni", { values: ["a.example.com"] }), { scheme: "https", sni: "a.example.com" }, true],
  ["suffix", when("connection.sni", { values: ["*.example.com"] }), { scheme: "https", sni: "a.example.com" }, true],
  ["none", when("connection.sni", { values: ["*"] }), {}, false],
  ["notValues, none", when("connection.sni", { notValues: ["a.example.com"] }), {}, true],
]);

const token = (claims: object, more: object = {}): Partial<ExchangeRequest> => ({
  headers: [["x-authentication", JSON.stringify({ claims, ...more })]],
});
const bob = token({
  iss: "https://id.example",
  sub: "bob",
  aud: ["shop", "stock"],
  azp: "web",
  scope: "read write",
  n: { a: ["x", "y"] },
  i: 1,
  t: true,
});

table("tokens", [
  ["requestPrincipals", from({ requestPrincipals: ["https://id.example/bob"] }), bob, true],
  ["requestPrincipals, other", from({ requestPrincipals: ["https://id.example/ann"] }), bob, false],
  ["requestPrincipals, present", from({ requestPrincipals: ["*"] }), bob, true],
  ["requestPrincipals, no token", from({ requestPrincipals: ["*"] }), {}, false],
  ["requestPrincipals, prefix", from({ requestPrincipals: ["https://id.example/*"] }), bob, true],
  ["requestPrincipals, suffix", from({ requestPrincipals: ["*/bob"] }), bob, true],
  ["notRequestPrincipals", from({ notRequestPrincipals: ["*"] }), bob, false],
  ["notRequestPrincipals, no token", from({ notRequestPrincipals: ["*"] }), {}, true],
  ["principal", when("request.auth.principal", { values: ["https://id.example/b*"] }), bob, true],
  ["audiences", when("request.auth.audiences", { values: ["stock"] }), bob, true],
  ["presenter", when("request.auth.presenter", { values: ["web"] }), bob, true],
  ["claim, nested list", when("request.auth.claims[n][a]", { values: ["y"] }), bob, true],
  ["claim, word of the scope", when("request.auth.claims[scope]", { values: ["write"] }), bob, true],
  ["claim, not the whole scope", when("request.auth.claims[scope]", { values: ["read write"] }), bob, false],
  ["claim, a number", when("request.auth.claims[i]", { values: ["1"] }), bob, false],
  ["claim, a boolean", when("request.auth.claims[t]", { values: ["true", "*"] }), bob, false],
  ["claim, absent", when("request.auth.claims[x]", { values: ["*"] }), bob, false],
  ["claim, notValues, absent", when("request.auth.claims[x]", { notValues: ["a"] }), bob, true],
  ["consumer", when("request.auth.consumer", { values: ["batch"] }), token({}, { consumer: "batch" }), true],
]);

describe("rules and policies", () => {
  const rule = (path: string) => to({ paths: [path] });

  scenario("no policy allows", { chain: policies() }, async (run) => {
    const result = await run.send({ path: "/" });
    expect(result).toForward();
    expect(result.decisions).toEqual([{ filter: "authorization", rule: "", result: "allow", reason: "no ALLOW policy" }]);
  });
  scenario("an ALLOW policy without rules denies everything", { chain: policies({}) }, async (run) => {
    expect(await run.send({ path: "/" })).toRespond(403, "authorization_denied_no_allow_policy_matched");
  });
  scenario("an empty rule matches everything", { chain: policies({ rules: [{}] }) }, async (run) => {
    expect(await run.send({ path: "/" })).toForward();
  });
  scenario("an empty rule denies everything", { chain: policies({ action: "DENY", rules: [{}] }) }, async (run) => {
    expect(await run.send({ path: "/" })).toRespond(403);
  });
  scenario("without ALLOW policies, what no DENY rule matches is allowed", { chain: deny(rule("/a")) }, async (run) => {
    expect(await run.send({ path: "/b" })).toForward();
  });
  scenario(
    "DENY goes before ALLOW, whatever their order",
    {
      chain: policies(
        { rules: [rule("/*")] },
        { namespace: "shop", name: "no admin", action: "DENY", rules: [rule("/x"), rule("/admin")] },
      ),
      container: true,
    },
    async (run) => {
      const denied = await run.send({ path: "/admin" });
      expect(denied).toRespond(403, "authorization_denied_policy[shop/no_admin]_rule[1]");
      expect(denied.response?.body).toBe("RBAC: access denied");
      expect(denied.decisions).toEqual([
        { filter: "authorization", rule: "shop/no admin[1]", result: "deny", reason: "DENY policy matched" },
      ]);
      const allowed = await run.send({ path: "/a" });
      expect(allowed).toForward();
      expect(allowed.decisions).toEqual([{ filter: "authorization", rule: "p0[0]", result: "allow", reason: "ALLOW policy matched" }]);
      expect(await run.metrics()).toMatchObject({ "authorization.denied": 1, "authorization.allowed": 1 });
    },
  );
  scenario(
    "from, to and when must all hold; of each list one entry",
    {
      chain: allow({
        from: [{ source: { principals: ["x"] } }, { source: { ipBlocks: ["10.0.0.0/8"] } }],
        to: [{ operation: { methods: ["PUT"] } }, { operation: { methods: ["GET"], paths: ["/a"] } }],
        when: [
          { key: "request.headers[x-h]", values: ["1"] },
          { key: "request.headers[x-i]", notValues: ["1"] },
        ],
      }),
    },
    async (run) => {
      const good = { path: "/a", source: { address: "10.0.0.1:1000" }, headers: [["x-h", "1"]] } as const;
      expect(await run.send(good)).toForward();
      expect(await run.send({ ...good, path: "/b" })).toRespond(403);
      expect(await run.send({ ...good, path: "/b", method: "PUT" })).toForward();
      expect(await run.send({ ...good, source: { address: "11.0.0.1:1000" } })).toRespond(403);
      expect(
        await run.send({
          ...good,
          headers: [
            ["x-h", "1"],
            ["x-i", "1"],
          ],
        }),
      ).toRespond(403);
    },
  );
  scenario(
    "AUDIT only marks",
    { chain: policies({ action: "AUDIT", rules: [rule("/a")] }, { action: "DENY", rules: [rule("/b")] }) },
    async (run) => {
      const result = await run.send({ path: "/a" });
      expect(result).toForward();
      expect(result.decisions[0]).toEqual({ filter: "authorization", rule: "p0[0]", result: "mark", reason: "AUDIT policy matched" });
      expect(await run.metrics()).toMatchObject({ "authorization.audited": 1 });
    },
  );
  scenario(
    "a dry run of DENY shows what it would deny",
    { chain: policies({ action: "DENY", dryRun: true, rules: [rule("/a")] }) },
    async (run) => {
      const result = await run.send({ path: "/a" });
      expect(result).toForward();
      expect(result.decisions[0]).toEqual({ filter: "authorization", rule: "p0[0]", result: "shadow-deny", reason: "DENY policy matched" });
      expect((await run.send({ path: "/b" })).decisions).toHaveLength(1);
      expect(await run.metrics()).toMatchObject({ "authorization.shadow_denied": 1, "authorization.shadow_allowed": 1 });
    },
  );
  scenario("a dry run of ALLOW denies nothing", { chain: policies({ dryRun: true, rules: [rule("/a")] }) }, async (run) => {
    expect((await run.send({ path: "/a" })).decisions).toHaveLength(1);
    const result = await run.send({ path: "/b" });
    expect(result).toForward();
    expect(result.decisions[0]).toEqual({ filter: "authorization", rule: "", result: "shadow-deny", reason: "no ALLOW policy matched" });
  });
  scenario("gRPC clients get status 7", { chain: policies({}) }, async (run) => {
    const result = await run.send({ path: "/pkg.Service/Method", protocol: "grpc", body: "ping" });
    expect(result.response?.headers).toContainEqual(["grpc-status", "7"]);
    expect(result.response?.headers).toContainEqual(["grpc-message", "RBAC: access denied"]);
  });
  scenario(
    "service accounts without a namespace are of the policy's",
    { chain: policies({ namespace: "shop", rules: [from({ serviceAccounts: ["ann"] })] }) },
    async (run) => {
      expect(await run.send({ path: "/", ...ann })).toForward();
      expect(await run.send({ path: "/", ...peer("spiffe://cluster.local/ns/x/sa/ann") })).toRespond(403);
    },
  );
  scenario(
    "aliases of the trust domain",
    {
      chain: authorization({
        trustDomain: "new.example",
        trustDomainAliases: ["old.example"],
        policies: [{ name: "p", rules: [from({ principals: ["cluster.local/ns/shop/sa/ann"] })] }],
      }),
    },
    async (run) => {
      expect(await run.send({ path: "/", ...peer("spiffe://old.example/ns/shop/sa/ann") })).toForward();
      expect(await run.send({ path: "/", ...peer("spiffe://new.example/ns/shop/sa/ann") })).toForward();
      expect(await run.send({ path: "/", ...peer("spiffe://cluster.local/ns/shop/sa/ann") })).toRespond(403);
    },
  );
  for (const [pathNormalization, path] of [
    ["BASE", undefined],
    ["MERGE_SLASHES", "/x//a"],
    ["DECODE_AND_MERGE_SLASHES", "/x%2Fa"],
    ["NONE", undefined],
  ] as const) {
    // The Envoys of scenarios do what BASE says.
    scenario(
      `a path that is not in the form that pathNormalization says: ${pathNormalization}`,
      { chain: authorization({ pathNormalization, policies: [{ name: "p", action: "DENY", rules: [rule("/b")] }] }) },
      async (run) => {
        expect(await run.send({ path: "/a/%7eb" })).toForward();
        expect(await run.send({ path: "/a/../b" })).toRespond(403, "authorization_denied_policy[p]_rule[0]");
        if (path !== undefined) expect(await run.send({ path })).toRespond(403, "authorization_denied_path_not_normalized");
        else expect(await run.send({ path: "/x//a%2Fb" })).toForward();
      },
    );
  }
  scenario(
    "CVE-2023-35944: the scheme in capitals",
    { chain: deny(when("request.headers[:scheme]", { values: ["http"] })) },
    async (run) => {
      expect(await run.send({ path: "/", protocol: "h2", scheme: "HTTP" })).toRespond(403);
    },
  );
  for (const rule of [to({ hosts: ["admin.example"] }), when("request.headers[host]", { values: ["admin.example"] })]) {
    scenario(`a Host beside :authority: ${JSON.stringify(rule)}`, { chain: deny(rule) }, async (run) => {
      const headers = [["host", "a.example"]] as const;
      expect(await run.send({ path: "/", protocol: "h2", authority: "admin.example", headers })).toRespond(403);
      expect(await run.send({ path: "/", protocol: "h2", authority: "a.example,admin.example" })).toRespond(
        403,
        "authorization_denied_undecodable_authority",
      );
      const two = await run.send({ path: "/", authority: "admin.example", headers });
      expect([400, 403]).toContain(two.status);
    });
  }
  scenario(
    "trusted hops",
    {
      chain: authorization({ trustedHops: 1, policies: [{ name: "p", rules: [from({ remoteIpBlocks: ["203.0.113.7"] })] }] }),
    },
    async (run) => {
      const forwarded = (value: string) => run.send({ path: "/", headers: [["x-forwarded-for", value]] });
      expect(await forwarded("203.0.113.7")).toForward();
      expect(await forwarded("198.51.100.1, 203.0.113.7")).toForward();
      expect(await forwarded("203.0.113.7, 198.51.100.1")).toRespond(403, "authorization_denied_no_allow_policy_matched");
      expect(await forwarded("nonsense")).toRespond(403, "authorization_denied_unknown_source_address");
      expect(await run.send({ path: "/" })).toRespond(403);
    },
  );
});
