import { type PathLiteral, pathLiteral } from "./path-literal.ts";
import type { RouteMatch } from "./match.ts";

/**
 * How the routes that come into question for a request are found. Only routes that cannot match it are left out, and a list has the others in their order, so that the first of a list whose match holds is
 * the first of all. By path: the longest of the texts that the path begins with leads on, `rest` where it begins with none. By header: its value leads on, `several` where it has a comma
 * (as the values of a repeated header have, joined), `rest` otherwise, and where there is no such header.
 */
export type Choice<Route> =
  | { readonly by: "order"; readonly routes: readonly Route[] }
  | { readonly by: "path"; readonly prefixes: ReadonlyMap<string, Choice<Route>>; readonly rest: Choice<Route> }
  | {
      readonly by: "header";
      readonly name: string;
      readonly values: ReadonlyMap<string, Choice<Route>>;
      readonly several: Choice<Route>;
      readonly rest: Choice<Route>;
    };

interface Matched {
  readonly match: RouteMatch;
}

export interface ChoiceLimits {
  /** Fewer routes than this stay a list: to try them takes less time than to find them. */
  readonly leastRoutes: number;
  /** A route stands in each list in which it may decide; with more entries than so many times the routes there are, the list of all is the better choice. */
  readonly mostCopies: number;
}

/** How many routes of their own may stand together in a list: the more, the fewer lists there are for those that come into question in all of them. */
const TOGETHER = [1, 16, 48];

export function choiceOf<Route extends Matched>(
  routes: readonly Route[],
  limits: ChoiceLimits,
  together: readonly number[] = TOGETHER,
): Choice<Route> {
  for (const most of together) {
    const choice = byPath(routes, limits, most);
    if (sizeOf(choice) <= limits.mostCopies * routes.length) return choice;
  }
  return { by: "order", routes };
}

function sizeOf<Route>(choice: Choice<Route>): number {
  switch (choice.by) {
    case "order":
      return choice.routes.length;
    case "path":
      return sum(choice.prefixes) + sizeOf(choice.rest);
    case "header":
      return sum(choice.values) + sizeOf(choice.several) + sizeOf(choice.rest);
  }
}

function sum<Route>(choices: ReadonlyMap<string, Choice<Route>>): number {
  let size = 0;
  for (const choice of choices.values()) size += sizeOf(choice);
  return size;
}

/**
 * Of the texts that routes ask for some are chosen to lead on. A path that begins with one of these, and with no longer one of them, is taken by what asks for a beginning of that one, and by what asks for more than it but not
 * for more than a longer one. What says nothing of its beginning comes into question everywhere.
 */
function byPath<Route extends Matched>(routes: readonly Route[], limits: ChoiceLimits, together: number): Choice<Route> {
  if (routes.length < limits.leastRoutes) return { by: "order", routes };
  const wholes = new Map<string, number[]>();
  const prefixes = new Map<string, number[]>();
  const anywhere: number[] = [];
  for (const [index, { match }] of routes.entries()) put(pathLiteral(match), index, { wholes, prefixes, anywhere });
  const texts = [...new Set([...wholes.keys(), ...prefixes.keys()])];
  const leading = leadingTexts(texts, together);
  const leadingLengths = [...new Set(Array.from(leading, ({ length }) => length))].sort((a, b) => b - a);
  // By the longest text that leads to them; what none leads to stands behind all of them.
  const own = new Map<string | undefined, number[]>();
  for (const text of texts) {
    const length = leadingLengths.find((each) => each <= text.length && leading.has(text.slice(0, each)));
    const key = length === undefined ? undefined : text.slice(0, length);
    const mine = own.get(key) ?? [];
    own.set(key, mine);
    mine.push(...(wholes.get(text) ?? []), ...(prefixes.get(text) ?? []));
  }
  const lengths = [...new Set(Array.from(prefixes.keys(), ({ length }) => length))];
  const listAt = (text: string | undefined): Choice<Route> => {
    const shorter = lengths.flatMap((length) =>
      text === undefined || length >= text.length ? [] : (prefixes.get(text.slice(0, length)) ?? []),
    );
    const indices = [...new Set([...shorter, ...(own.get(text) ?? []), ...anywhere])].sort((a, b) => a - b);
    return byHeader(upToLast(routes, indices, text ?? ""), limits);
  };
  const found = new Map(Array.from(leading, (text) => [text, listAt(text)]));
  const narrowed = found.size > 0 && [...found.values()].every((choice) => choice.by !== "order" || choice.routes.length < routes.length);
  return narrowed ? { by: "path", prefixes: found, rest: listAt(undefined) } : byHeader(routes, limits);
}

/** All texts, or beginnings that they have in common, each of so many at the most as may stand together (or of such as differ in the very next character). */
function leadingTexts(texts: readonly string[], together: number): ReadonlySet<string> {
  if (together <= 1) return new Set(texts);
  const sorted = texts.toSorted((a, b) => (a < b ? -1 : 1));
  const leading = new Set<string>();
  const divide = (from: number, to: number): void => {
    const first = sorted[from] ?? "";
    const length = commonLength(first, sorted[to - 1] ?? "");
    if (length > 0) leading.add(first.slice(0, length));
    if (to - from <= together) return;
    for (let start = first.length === length ? from + 1 : from; start < to;) {
      let end = start + 1;
      while (end < to && sorted[end]?.[length] === sorted[start]?.[length]) end++;
      if (end - start > 1) divide(start, end);
      start = end;
    }
  };
  if (sorted.length > 0) divide(0, sorted.length);
  return leading;
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

function put(
  literal: PathLiteral | undefined,
  index: number,
  { wholes, prefixes, anywhere }: { wholes: Map<string, number[]>; prefixes: Map<string, number[]>; anywhere: number[] },
): void {
  if (literal === undefined) {
    anywhere.push(index);
    return;
  }
  const map = literal.whole ? wholes : prefixes;
  const known = map.get(literal.text);
  if (known === undefined) map.set(literal.text, [index]);
  else known.push(index);
}

/** The routes up to the first that asks for nothing but the text that all paths begin with that come here. */
function upToLast<Route extends Matched>(routes: readonly Route[], indices: readonly number[], text: string): readonly Route[] {
  const list = indices.flatMap((index) => routes[index] ?? []);
  const last = list.findIndex(({ match }) => {
    const { pathSpecifier, headers = [], queryParameters = [], dynamicMetadata = [] } = match;
    if (headers.length + queryParameters.length + dynamicMetadata.length > 0) return false;
    if (pathSpecifier?.case === "safeRegex") return pathSpecifier.value.regex === ".*";
    const literal = pathSpecifier?.case === "prefix" ? pathLiteral(match)?.text : undefined;
    return literal !== undefined && text.startsWith(literal);
  });
  return last < 0 ? list : list.slice(0, last + 1);
}

/** By the header that most routes ask a value of. Where it has another, or is not there, those that ask for one cannot match. */
function byHeader<Route extends Matched>(routes: readonly Route[], { leastRoutes }: ChoiceLimits): Choice<Route> {
  const all: Choice<Route> = { by: "order", routes };
  if (routes.length < leastRoutes) return all;
  const asked = routes.map(({ match }) => askedValues(match));
  const counts = new Map<string, number>();
  for (const values of asked) for (const name of values.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const [name, count = 0] = [...counts].reduce((most, each) => (each[1] > most[1] ? each : most), ["", 0] as const);
  if (count < leastRoutes / 2) return all;
  const listOf = (value: string | undefined): Choice<Route> => ({
    by: "order",
    routes: routes.filter((_, index) => {
      const wanted = asked[index]?.get(name);
      return wanted === undefined || wanted === value;
    }),
  });
  const wanted = new Set(asked.flatMap((values) => values.get(name) ?? []));
  return {
    by: "header",
    name,
    values: new Map(Array.from(wanted, (value) => [value, listOf(value)])),
    several: all,
    rest: listOf(undefined),
  };
}

/** Whether a map of Envoy's may have the value as a key: a comma would look as if there were several, and no object of JavaScript has an entry of the other name. */
function isKey(value: string): boolean {
  return value !== "" && value !== "__proto__" && !value.includes(",");
}

/** Headers that must have a certain value. */
function askedValues({ headers = [] }: RouteMatch): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const { name = "", headerMatchSpecifier, invertMatch } of headers) {
    if (invertMatch === true || headerMatchSpecifier?.case !== "stringMatch") continue;
    const pattern = headerMatchSpecifier.value.matchPattern;
    if (pattern?.case === "exact" && isKey(pattern.value)) values.set(name, pattern.value);
  }
  return values;
}
