import { readPairs } from "../../../harness/host/pairs.ts";
import type { Probe } from "./variants.ts";

/** What one callback saw: what it was called with, and what came of each probe by its number. */
export interface Callback {
  readonly name: string;
  readonly words: string;
  readonly results: ReadonlyMap<number, string>;
  readonly ended: boolean;
}

const SERVICE_TIME = "x-envoy-upstream-service-time";

type OpenCallback = Callback & { readonly results: Map<number, string>; ended: boolean };

const LINE = /^@([0-9a-f]+) ([<>=]) (\w+) ?(.*)$/s;

/** What differs from run to run on one and the same host: ports and dates. As long as what they stand for. */
const MASKS: ReadonlyArray<readonly [RegExp, string]> = [
  [/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT"],
  [/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/g, "day, 00 mon 0000 00:00:00 GMT"],
];

/** The callbacks of each instance of the module, in the order in which they began. */
export function readCallbacks(messages: readonly string[]): Map<string, Callback[]> {
  const instances = new Map<string, { all: Callback[]; open: OpenCallback[] }>();
  for (const message of messages) {
    const [, id = "", sign, name = "", rest = ""] = LINE.exec(message) ?? [];
    if (sign === undefined) continue;
    const instance = instances.get(id) ?? { all: [], open: [] };
    instances.set(id, instance);
    if (sign === ">") {
      const callback: OpenCallback = { name, words: rest, results: new Map<number, string>(), ended: false };
      instance.all.push(callback);
      instance.open.push(callback);
    } else if (sign === "<") {
      const callback = instance.open.pop();
      if (callback !== undefined) callback.ended = true;
    } else {
      const space = rest.indexOf(" ");
      instance.open.at(-1)?.results.set(Number(rest.slice(0, space)), masked(rest.slice(space + 1)));
    }
  }
  return new Map([...instances].map(([id, { all }]) => [id, all]));
}

function masked(text: string): string {
  return MASKS.reduce((result, [pattern, replacement]) => result.replaceAll(pattern, replacement), text);
}

/** The callbacks of the instance that saw one of this name. */
export function instanceWith(instances: ReadonlyMap<string, readonly Callback[]>, name: string): readonly Callback[] {
  return [...instances.values()].find((callbacks) => callbacks.some((callback) => callback.name === name)) ?? [];
}

/** By callback, the first time it came. */
export function firstOfEach(callbacks: readonly Callback[]): Map<string, Callback> {
  const first = new Map<string, Callback>();
  for (const callback of callbacks) if (!first.has(callback.name)) first.set(callback.name, callback);
  return first;
}

/**
 * What two runs must agree on of a result. A map of headers as a property comes in no order; how long an upstream took is told in as many digits as it takes.
 */
export function comparable({ hostcall, what }: Probe, callback: string, result: string): string {
  if (hostcall === "proxy_get_property" && /^(source|destination)\.port$/.test(what)) return result.replace(/'.*'/s, "port");
  if (hostcall === "proxy_get_header_map_size" && what === "map 2" && callback === "response_headers") return result.split(" ", 1)[0] ?? "";
  const isMap = hostcall === "proxy_get_property" && /(headers|trailers)$/.test(what);
  if (!isMap && !result.includes(SERVICE_TIME)) return result;
  return result.replace(/'(.*)'.*$/s, (_, text: string) => {
    const { names, values } = readPairs(unprinted(text));
    const pairs = names.map((name, at) => `${name}=${name === SERVICE_TIME ? "" : values[at]}`);
    return JSON.stringify(isMap ? pairs.toSorted() : pairs);
  });
}

/** The bytes that the module printed. */
function unprinted(text: string): Uint8Array {
  return Buffer.from(
    text.replaceAll(/\\([0-9a-f]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16))),
    "latin1",
  );
}
