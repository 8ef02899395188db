import { type PathLiteral, pathLiteral } from "./path-literal.ts";
import { isCatchAll, type RouteMatch } from "./match.ts";

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

export function choiceOf<Route extends Matched>(routes: readonly Route[], limits: ChoiceLimits): Choice<Route> {
  const choice = byPath(routes, limits);
  return sizeOf(choice) > limits.mostCopies * routes.length ? { by: "order", routes } : choice;
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
 * A path that begins with a text, and with no longer one, is taken by no whole path but that text itself (a longer one would be what it begins with), and by no prefix that is not part of the text. What
 * says nothing of its beginning comes into question everywhere.
 */
function byPath<Route extends Matched>(routes: readonly Route[], limits: ChoiceLimits): Choice<Route> {
  if (routes.length < limits.leastRoutes) return { by: "order", routes };
  const literals = routes.map(({ match }) => pathLiteral(match));
  const wholes = new Map<string, number[]>();
  const prefixes = new Map<string, number[]>();
  const anywhere: number[] = [];
  for (const [index, literal] of literals.entries()) put(literal, index, { wholes, prefixes, anywhere });
  const texts = new Set([...wholes.keys(), ...prefixes.keys()]);
  const lengths = [...new Set(Array.from(prefixes.keys(), ({ length }) => length))];
  const found = new Map<string, Choice<Route>>();
  for (const text of texts) {
    const within = lengths.flatMap((length) => (length > text.length ? [] : (prefixes.get(text.slice(0, length)) ?? [])));
    const indices = [...within, ...(wholes.get(text) ?? []), ...anywhere].sort((a, b) => a - b);
    found.set(text, byHeader(upToLast(routes, indices), limits));
  }
  const narrowed = found.size > 0 && [...found.values()].every((choice) => choice.by !== "order" || choice.routes.length < routes.length);
  if (!narrowed) return byHeader(routes, limits);
  return { by: "path", prefixes: found, rest: byHeader(upToLast(routes, anywhere), limits) };
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

/** The routes up to the first that asks for nothing but the path that all requests have that come here. */
function upToLast<Route extends Matched>(routes: readonly Route[], indices: readonly number[]): readonly Route[] {
  const list = indices.flatMap((index) => routes[index] ?? []);
  const last = list.findIndex(({ match }) => {
    const { pathSpecifier, headers = [], queryParameters = [], dynamicMetadata = [] } = match;
    const literal = pathSpecifier?.case === "prefix" && pathLiteral(match) !== undefined;
    return isCatchAll(match) || (literal && headers.length + queryParameters.length + dynamicMetadata.length === 0);
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
