import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Question } from "../testing/ask.ts";
import { EchoMesh, to, virtualService } from "../testing/echo-mesh.ts";

const at = (path: string, more: Question = {}): Question => ({ path, ...more });
const having = (...headers: readonly (readonly [string, string])[]): Question => ({ headers });

/** What a rule asks for; requests that it takes, and some that it leaves. */
type Row = readonly [what: string, match: object, takes: readonly Question[], leaves: readonly Question[]];

const PATHS: readonly Row[] = [
  ["the whole path", { uri: { exact: "/a" } }, [at("/a"), at("/a?b=c")], [at("/a/"), at("/ab"), at("/A"), at("/")]],
  ["a prefix, of whatever segment", { uri: { prefix: "/a" } }, [at("/a"), at("/ab"), at("/a/b?c")], [at("/b/a"), at("/A")]],
  ["a prefix with its slash", { uri: { prefix: "/a/" } }, [at("/a/"), at("/a/b")], [at("/a"), at("/ab")]],
  ["a regular expression for the whole path", { uri: { regex: "/v[0-9]+/.*" } }, [at("/v1/x"), at("/v12/?x")], [at("/v1"), at("/x/v1/x")]],
  ["the path without its query", { uri: { regex: ".*/x" } }, [at("/a/x?b")], [at("/a?b/x")]],
  ["any path, where it says nothing", { uri: {} }, [at("/"), at("/a")], []],
  [
    "the path as it is after normalisation",
    { uri: { exact: "/a/b" } },
    [at("/a/./b"), at("/c/../a/b"), at("/%61/b"), at("/a\\b"), at("/c/%2e%2e/a/b")],
    [at("//a/b"), at("/a%2Fb"), at("/a%2fb"), at("/a/b;c")],
  ],
  ["the whole path in any case", { uri: { exact: "/Ab" }, ignoreUriCase: true }, [at("/ab"), at("/AB"), at("/Ab?x")], [at("/abc")]],
  ["a prefix in any case", { uri: { prefix: "/Ab" }, ignoreUriCase: true }, [at("/ab"), at("/ABC")], [at("/b")]],
  ["a regular expression, whose case counts", { uri: { regex: "/a+" }, ignoreUriCase: true }, [at("/aa")], [at("/AA")]],
];

const PARTS: readonly Row[] = [
  ["the scheme", { scheme: { exact: "http" } }, [{}], []],
  ["a prefix of the scheme, which may be the wrong one", { scheme: { prefix: "https" } }, [], [{}]],
  ["a scheme that is not the request's", { scheme: { exact: "https" } }, [], [{}]],
  ["the scheme by a regular expression", { scheme: { regex: "https?" } }, [{}], []],
  ["any scheme", { scheme: {} }, [{}], []],
  ["the method", { method: { exact: "POST" } }, [{ method: "POST" }], [{}, { method: "PUT" }]],
  ["a prefix of the method", { method: { prefix: "P" } }, [{ method: "POST" }, { method: "PUT" }], [{}]],
  ["the method by a regular expression", { method: { regex: "GET|DELETE" } }, [{}, { method: "DELETE" }], [{ method: "POST" }]],
  [
    "a query parameter",
    { queryParams: { v: { exact: "1" } } },
    [at("/?v=1"), at("/?a=b&v=1")],
    [at("/?v=2"), at("/"), at("/?V=1"), at("/?v=11")],
  ],
  ["a prefix of a query parameter", { queryParams: { v: { prefix: "1" } } }, [at("/?v=1"), at("/?v=12")], [at("/?v=21"), at("/?v")]],
  ["a query parameter by a regular expression", { queryParams: { v: { regex: "[12]" } } }, [at("/?v=2")], [at("/?v=22"), at("/?v=3")]],
  ["a query parameter that is there", { queryParams: { v: {} } }, [at("/?v"), at("/?v="), at("/?v=1")], [at("/"), at("/?w")]],
  ["a query parameter that has a value, or none", { queryParams: { v: { regex: "*" } } }, [at("/?v"), at("/?v=1")], [at("/")]],
  ["an empty query parameter", { queryParams: { v: { exact: "" } } }, [at("/?v"), at("/?v=")], [at("/?v=1"), at("/")]],
  ["the first query parameter of a name", { queryParams: { v: { exact: "1" } } }, [at("/?v=1&v=2")], [at("/?v=2&v=1")]],
  ["a query parameter as it is written", { queryParams: { v: { exact: "a b" } } }, [], [at("/?v=a%20b"), at("/?v=a+b")]],
  ["query parameters that only & separates", { queryParams: { v: { exact: "1;w=2" } } }, [at("/?v=1;w=2")], [at("/?v=1")]],
];

const HEADERS: readonly Row[] = [
  [
    "a header",
    { headers: { "X-User": { exact: "jason" } } },
    [having(["x-user", "jason"])],
    [{}, having(["x-user", "Jason"]), having(["x-user", "jasona"])],
  ],
  [
    "a prefix of a header",
    { headers: { "x-user": { prefix: "ja" } } },
    [having(["X-User", "jason"])],
    [having(["x-user", "ason"]), having(["x-user", ""])],
  ],
  [
    "a header by a regular expression",
    { headers: { "x-user": { regex: "ja.*n" } } },
    [having(["x-user", "jason"])],
    [having(["x-user", "jasons"])],
  ],
  ["a header that is there", { headers: { "x-user": {} } }, [having(["x-user", "a"]), having(["x-user", ""])], [{}]],
  [
    "a header that has a value, or none",
    { headers: { "x-user": { regex: "*" } } },
    [having(["x-user", "a"]), having(["x-user", ""])],
    [{}],
  ],
  ["an empty header", { headers: { "x-user": { exact: "" } } }, [having(["x-user", ""])], [{}, having(["x-user", "a"])]],
  [
    "a header as it is written, commas and all",
    { headers: { "x-user": { exact: "jason" } } },
    [],
    [having(["x-user", "jason,jason"]), having(["x-user", "tom, jason"])],
  ],
  [
    "several headers at once",
    { headers: { "x-a": { exact: "1" }, "x-b": {} } },
    [having(["x-a", "1"], ["x-b", "2"])],
    [having(["x-a", "1"]), having(["x-b", "1"])],
  ],
  ["a header that is not there", { withoutHeaders: { "x-user": {} } }, [{}], [having(["x-user", "a"]), having(["x-user", ""])]],
  ["a header that is not so", { withoutHeaders: { "x-user": { exact: "a" } } }, [{}, having(["x-user", "b"])], [having(["x-user", "a"])]],
  [
    "a header that does not begin so",
    { withoutHeaders: { "x-user": { prefix: "a" } } },
    [{}, having(["x-user", "b"])],
    [having(["x-user", "ab"])],
  ],
  [
    "a header of another form",
    { withoutHeaders: { "x-user": { regex: "a+" } } },
    [{}, having(["x-user", "ab"])],
    [having(["x-user", "aa"])],
  ],
  [
    "a header that is not empty, if it is there",
    { withoutHeaders: { "x-user": { exact: "" } } },
    [having(["x-user", "a"])],
    [having(["x-user", ""]), {}],
  ],
];

const TOGETHER: readonly Row[] = [
  [
    "all that it asks for",
    {
      uri: { prefix: "/a" },
      method: { exact: "GET" },
      headers: { "x-a": { exact: "1" } },
      withoutHeaders: { "x-b": {} },
      queryParams: { v: { exact: "1" } },
    },
    [at("/a?v=1", having(["x-a", "1"]))],
    [
      at("/b?v=1", having(["x-a", "1"])),
      at("/a?v=1", { ...having(["x-a", "1"]), method: "POST" }),
      at("/a?v=1"),
      at("/a?v=1", having(["x-a", "1"], ["x-b", ""])),
      at("/a", having(["x-a", "1"])),
    ],
  ],
  ["the port of the listener", { port: 80 }, [{}], []],
  ["the port of another listener", { port: 81 }, [], [{}]],
];

const GROUPS: Readonly<Record<string, readonly Row[]>> = { paths: PATHS, parts: PARTS, headers: HEADERS, together: TOGETHER };
const hostOf = (group: string, index: number): string => `${group}-${index}.test`;

describe("a match of a VirtualService asks for", () => {
  let mesh: EchoMesh;

  beforeAll(async () => {
    const rules = Object.entries(GROUPS).flatMap(([group, rows]) =>
      rows.map(([, match], index) =>
        virtualService(
          `${group}-${index}`,
          [hostOf(group, index)],
          [{ match: [match], route: [to("reviews/v2")] }, { route: [to("reviews/v1")] }],
        ),
      ),
    );
    const authorities = (["exact", "prefix", "regex"] as const).map((form) => {
      const value = { exact: "Exact.authority.test:80", prefix: "prefix.", regex: "[a-z.]+" }[form];
      return virtualService(
        form,
        [`${form}.authority.test`],
        [{ match: [{ authority: { [form]: value } }], route: [to("reviews/v2")] }, { route: [to("reviews/v1")] }],
      );
    });
    const order = virtualService(
      "order",
      ["order.test"],
      [
        { name: "a", match: [{ uri: { prefix: "/a" } }], ...shown("a") },
        {
          name: "b",
          match: [{ name: "one", uri: { prefix: "/ab" } }, { name: "two", uri: { exact: "/b" } }, { headers: { "x-b": {} } }],
          ...shown("b"),
        },
        { match: [{ name: "nameless", uri: { prefix: "/c" } }], ...shown("c") },
        { ...shown("rest") },
      ],
    );
    const counted = virtualService(
      "counted",
      ["counted.test"],
      [{ match: [{ uri: { prefix: "/counted" }, statPrefix: "counted_routes" }], route: [to("reviews")] }, { route: [to("reviews")] }],
    );
    const ports = virtualService(
      "ports",
      ["ratings"],
      [
        { match: [{ port: 9080 }], route: [to("reviews/v2")] },
        { match: [{ port: 80 }], route: [to("reviews/v1")] },
      ],
    );
    const repeated = virtualService(
      "repeated",
      ["repeated.test"],
      [{ match: [{ headers: { "x-user": { exact: "jason" } } }], route: [to("reviews/v2")] }, { route: [to("reviews/v1")] }],
    );
    mesh = await EchoMesh.start({ objects: [...rules, ...authorities, order, counted, ports, repeated] });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  /** Which of its routes a request took, by the name that Envoy knows it by. */
  const shown = (value: string) => ({
    route: [to("reviews")],
    headers: { response: { set: { "x-rule": value, "x-route": "%ROUTE_NAME%" } } },
  });

  for (const [group, rows] of Object.entries(GROUPS)) {
    test.each(rows.map((row, index) => [...row, hostOf(group, index)] as const))("%s", async (_what, _match, takes, leaves, host) => {
      for (const question of takes) expect([question, (await mesh.ask(host, question)).seen?.by]).toEqual([question, "reviews-v2"]);
      for (const question of leaves) expect([question, (await mesh.ask(host, question)).seen?.by]).toEqual([question, "reviews-v1"]);
    });
  }

  test("the authority as it is written: with its port, and case-sensitive", async () => {
    const by = async (place: string, host: string) => (await mesh.ask(place, { host })).seen?.by;
    expect(await by("exact.authority.test", "Exact.authority.test:80")).toBe("reviews-v2");
    expect(await by("exact.authority.test", "exact.authority.test:80")).toBe("reviews-v1");
    expect(await by("exact.authority.test", "Exact.authority.test")).toBe("reviews-v1");
    expect(await by("prefix.authority.test", "prefix.authority.test")).toBe("reviews-v2");
    expect(await by("prefix.authority.test", "Prefix.authority.test")).toBe("reviews-v1");
    expect(await by("regex.authority.test", "regex.authority.test")).toBe("reviews-v2");
    expect(await by("regex.authority.test", "regex.authority.test:80")).toBe("reviews-v1");
  });

  test("values of a repeated header one by one", async () => {
    const { by } =
      (
        await mesh.ask("repeated.test", {
          headers: [
            ["x-user", "tom"],
            ["x-user", "jason"],
          ],
        })
      ).seen ?? {};
    const { version } = await mesh.proxy.envoy.admin.serverInfo();
    // Envoy before 1.38 joins them by commas, and has no setting for it.
    expect(by).toBe(/^1\.3[67]\./.test(version) ? "reviews-v1" : "reviews-v2");
  });

  test("the port on which a host is called", async () => {
    expect((await mesh.ask("ratings:9080")).seen?.by).toBe("reviews-v2");
    expect((await mesh.ask("ratings:80")).seen?.by).toBe("reviews-v1");
  });

  test.each([
    ["/a", [], "a", "a"],
    ["/abc", [], "a", "a"],
    ["/b", [], "b", "b.two"],
    ["/b/c", [["x-b", "1"]], "b", "b"],
    ["/c", [], "c", ".nameless"],
    ["/d", [], "rest", undefined],
  ] as const)("%s %j goes to the first rule that has an alternative for it", async (path, headers, rule, route) => {
    const { headers: told } = await mesh.ask("order.test", { path, headers });
    expect([told["x-rule"], told["x-route"]]).toEqual([rule, route]);
  });

  test("statistics of its own", async () => {
    await mesh.ask("counted.test", { path: "/counted" });
    await mesh.ask("counted.test", { path: "/not-counted" });
    const { values } = await mesh.proxy.envoy.admin.stats("route.counted_routes.upstream_rq_total");
    expect(Object.values(values)).toEqual([1]);
  });
});
