import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HttpMatch, StringMatch } from "../../../model/index.ts";
import { type Choice, choiceOf } from "./choice.ts";
import { routeMatch } from "./match.ts";
import { pathLiteral } from "./path-literal.ts";
import { type Asked, httpMatches, requests } from "../testing/http-matches.ts";

interface Rule {
  readonly id: number;
  readonly spec: HttpMatch;
  readonly match: ReturnType<typeof routeMatch>;
}

/** The list to which a choice leads, looked up as Envoy does. */
function listOf(choice: Choice<Rule>, asked: Asked): readonly Rule[] {
  switch (choice.by) {
    case "order":
      return choice.routes;
    case "path": {
      const longest = [...choice.prefixes.keys()].filter((text) => asked.path.startsWith(text)).sort((a, b) => b.length - a.length)[0];
      return listOf((longest === undefined ? undefined : choice.prefixes.get(longest)) ?? choice.rest, asked);
    }
    case "header": {
      const all = asked.headers.filter(([name]) => name === choice.name).map(([, value]) => value);
      const joined = all.join(",");
      const found = all.length === 0 ? undefined : choice.values.get(joined);
      return listOf(found ?? (joined.includes(",") ? choice.several : choice.rest), asked);
    }
  }
}

function holds({ uri, ignoreUriCase, headers, withoutHeaders }: HttpMatch, asked: Asked): boolean {
  const path = asked.path.replace(/[?#].*$/, "");
  const fold = (text: string) => (ignoreUriCase ? text.toLowerCase() : text);
  const has = (value: StringMatch | "present", text: string): boolean => {
    if (value === "present") return true;
    if ("exact" in value) return text === value.exact;
    return "prefix" in value ? text.startsWith(value.prefix) : matches(value.regex, text);
  };
  const any = (name: string, value: StringMatch | "present") => asked.headers.some(([each, text]) => each === name && has(value, text));
  const isHere =
    uri === undefined ||
    ("exact" in uri
      ? fold(path) === fold(uri.exact)
      : "prefix" in uri
        ? fold(path).startsWith(fold(uri.prefix))
        : matches(uri.regex, path));
  return isHere && headers.every(({ name, value }) => any(name, value)) && !withoutHeaders.some(({ name, value }) => any(name, value));
}

function matches(regex: string, text: string): boolean {
  const [, flags = "", rest = regex] = /^\(\?i\)(.*)$/.exec(regex) === null ? [] : ["", "i", regex.slice("(?i)".length)];
  return new RegExp(`^(?:${rest})$`, flags).test(text);
}

describe("a choice between routes", () => {
  test("leads to a list whose first match is the first of all", () => {
    fc.assert(
      fc.property(
        fc.array(httpMatches, { minLength: 1, maxLength: 60, size: "max" }),
        fc.array(requests, { minLength: 10, maxLength: 20, size: "max" }),
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom(1, 2, 4, 16),
        (specs, asked, leastRoutes, together) => {
          const rules = specs.map((spec, id): Rule => ({ id, spec, match: routeMatch(spec) }));
          const choice = choiceOf(rules, { leastRoutes, mostCopies: Infinity }, [together]);
          for (const request of asked) {
            const first = rules.find(({ spec }) => holds(spec, request));
            expect(listOf(choice, request).find(({ spec }) => holds(spec, request))?.id).toBe(first?.id);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  const rulesOf = (count: number, make: (index: number) => Partial<HttpMatch>): readonly Rule[] => {
    const [spec] = fc.sample(
      httpMatches.map((each): HttpMatch => ({ ...each, uri: undefined, headers: [], withoutHeaders: [], ignoreUriCase: false })),
      1,
    );
    return Array.from({ length: count }, (_, id) => {
      const mine = { ...(spec as HttpMatch), ...make(id) };
      return { id, spec: mine, match: routeMatch(mine) };
    });
  };
  const limits = { leastRoutes: 64, mostCopies: 4 };

  test.each([
    ["whole paths", (id: number) => ({ uri: id === 999 ? undefined : { exact: `/a/${id}` } }), { path: "/a/500", headers: [] }, 2],
    ["prefixes", (id: number) => ({ uri: id === 999 ? undefined : { prefix: `/a/${id}/` } }), { path: "/a/500/b?c", headers: [] }, 2],
    [
      "regular expressions that begin with different texts",
      (id: number) => ({ uri: { regex: `/a/${id}/[0-9]+` } }),
      { path: "/a/500/1", headers: [] },
      1,
    ],
    [
      "values of a header",
      (id: number) => ({ headers: id === 999 ? [] : [{ name: "x-a", claim: undefined, value: { exact: `${id}` } }] }),
      { path: "/", headers: [["x-a", "500"]] },
      2,
    ],
    [
      "values of a header, none of which is there",
      (id: number) => ({ headers: id === 999 ? [] : [{ name: "x-a", claim: undefined, value: { exact: `${id}` } }] }),
      { path: "/", headers: [] },
      1,
    ],
  ] as const)("by %s leads past nearly all of 1,000", (_what, make, asked, most) => {
    const rules = rulesOf(1_000, make);
    const list = listOf(choiceOf(rules, limits), asked);
    expect(list.length).toBeLessThanOrEqual(most);
  });

  test("is a list where there are few, or where all of them come into question everywhere", () => {
    expect(
      choiceOf(
        rulesOf(63, (id) => ({ uri: { exact: `/${id}` } })),
        limits,
      ).by,
    ).toBe("order");
    expect(
      choiceOf(
        rulesOf(1_000, (id) => ({ uri: { regex: `.*/${id}` } })),
        limits,
      ).by,
    ).toBe("order");
    const many = rulesOf(1_000, (id) => ({ uri: id < 300 ? { regex: `.*${id}` } : { exact: `/${id}` } }));
    expect(choiceOf(many, limits).by).toBe("order");
  });

  test("leads to few where some of 1,000 come into question everywhere", () => {
    const rules = rulesOf(1_000, (id) =>
      id < 20 ? { headers: [{ name: `x-${id}`, claim: undefined, value: "present" }] } : { uri: { exact: `/items/${id}/${id % 7}` } },
    );
    for (const path of ["/items/20/6", "/items/999/5", "/items/1", "/other"])
      expect(listOf(choiceOf(rules, limits), { path, headers: [] }).length).toBeLessThan(80);
  });
});

test.each([
  ["/a/b", "/a/b"],
  ["^/a/b", "/a/b"],
  ["/a/[0-9]+", "/a/"],
  ["/ab?/c", "/a"],
  ["/ab*", "/a"],
  ["/ab{2}", "/a"],
  ["/ab+", "/ab"],
  ["/a.b", "/a"],
  ["/a\\.b", "/a"],
  ["/a(/b)?", "/a"],
  ["/a|/b", undefined],
  ["/a(b|c)", undefined],
  ["(?i)/a", undefined],
  ["[a-z]", undefined],
  ["a?", undefined],
] as const)("paths that %s takes begin with %s", (regex, text) => {
  expect(pathLiteral({ pathSpecifier: { case: "safeRegex", value: { regex } } })?.text).toBe(text);
});
