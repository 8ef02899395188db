import fc from "fast-check";
import type { HttpMatch, StringMatch } from "../../../model/index.ts";

/** A request as far as matches look at it; headers with all their values. */
export interface Asked {
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

// Few letters, so that texts are often part of each other.
const segments = fc.stringMatching(/^(\/[abA]{0,2}){1,3}$/);
const regexes = fc.constantFrom(
  "/a.*",
  "/(a|b)",
  "^/ab?/.*",
  "/a/b",
  ".*b",
  "/a+",
  "/a{2}.*",
  "(?i)/a.*",
  "/[ab]/.*",
  "/a|/b.*",
  "/a*/b",
  "/a/\\w",
);
const uri = fc.oneof(
  { weight: 3, arbitrary: segments.map((exact): StringMatch => ({ exact })) },
  { weight: 3, arbitrary: segments.map((prefix): StringMatch => ({ prefix })) },
  { weight: 1, arbitrary: regexes.map((regex): StringMatch => ({ regex })) },
  { weight: 1, arbitrary: fc.constantFrom<StringMatch>({ exact: "/a?b" }, { prefix: "/a#" }, { prefix: "/" }, { regex: ".*" }) },
);
const values = fc.constantFrom("1", "2", "3", "1,2", "", "22");
const names = fc.constantFrom("x-a", "x-b");
const value: fc.Arbitrary<StringMatch | "present"> = fc.oneof(
  { weight: 4, arbitrary: values.map((exact): StringMatch => ({ exact })) },
  { weight: 1, arbitrary: fc.constantFrom<StringMatch | "present">({ prefix: "1" }, { regex: "[12]" }, "present") },
);
const headerMatches = fc
  .uniqueArray(fc.record({ name: names, claim: fc.constant(undefined), value }), { maxLength: 2, selector: ({ name }) => name })
  .map((list) => list.toSorted((a, b) => (a.name < b.name ? -1 : 1)));

const nothing: HttpMatch = {
  name: "",
  uri: undefined,
  ignoreUriCase: false,
  scheme: undefined,
  method: undefined,
  authority: undefined,
  headers: [],
  withoutHeaders: [],
  queryParams: [],
  port: undefined,
  sourceLabels: {},
  sourceNamespace: undefined,
  gateways: undefined,
  statPrefix: undefined,
};

/** Matches of VirtualServices that come into each other's way. */
export const httpMatches: fc.Arbitrary<HttpMatch> = fc
  .record({
    uri: fc.option(uri, { nil: undefined, freq: 8 }),
    ignoreUriCase: fc.integer({ min: 0, max: 9 }).map((of10) => of10 === 0),
    headers: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: headerMatches }),
    withoutHeaders: fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: headerMatches }),
  })
  .map((some) => ({ ...nothing, ...some }));

/** Requests near to such matches. */
export const requests: fc.Arbitrary<Asked> = fc.record({
  path: fc.tuple(segments, fc.constantFrom("", "", "?", "?b", "?/a/b")).map(([path, query]) => path + query),
  headers: fc.oneof(
    { weight: 3, arbitrary: fc.array(fc.tuple(names, values), { maxLength: 3 }) },
    // Repeated: joined they are the value that a rule may ask for.
    { weight: 1, arbitrary: names.map((name) => [[name, "1"] as const, [name, "2"] as const]) },
  ),
});
