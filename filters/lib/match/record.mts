/**
 * Records which header values Envoy's string matchers and integer ranges match, into the table that the tests beside this file read:
 * `ENVOY_BIN=... node filters/lib/match/record.mts`.
 */
import { writeFile } from "node:fs/promises";
import { envoyVersion, mapConcurrently, RecordingEnvoy } from "../../testing/recording-envoy.ts";

const ranges = [
  [0, 10],
  [-5, 5],
  [10, 11],
  [0, "9223372036854775807"],
  ["-9223372036854775808", 0],
] as const;

const numbers = [
  "0",
  "5",
  "9",
  "10",
  "11",
  "-1",
  "-5",
  "-6",
  "+5",
  "++5",
  "-+5",
  "- 5",
  "05",
  "-0",
  "5.0",
  "0x5",
  "5a",
  "a5",
  "1e1",
  "",
  "-",
  "+",
  "5 5",
  "5,5",
  "5\t",
  "\v5",
  "5\f",
  "9223372036854775806",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775808",
  "-9223372036854775809",
  "99999999999999999999",
  "00000000000000000000000005",
  "18446744073709551621",
];

const strings = [
  { exact: "Beta" },
  { prefix: "Beta" },
  { suffix: "Beta" },
  { contains: "Beta" },
  { exact: "Beta", ignore_case: true },
  { prefix: "Beta", ignore_case: true },
  { suffix: "Beta", ignore_case: true },
  { contains: "Beta", ignore_case: true },
  { contains: "aab", ignore_case: true },
  { exact: "\u00e4", ignore_case: true },
] as const;

const values = [
  "Beta",
  "beta",
  "BETA",
  "xBeta",
  "Betax",
  "xbetax",
  "Bet",
  "BeBeta",
  "B",
  "",
  "aaab",
  "AaAb",
  "aa b",
  "\u00c3\u00a4",
  "\u00c3\u0084",
  "Beta,x",
  "Bet a",
];

function manager(matchers: readonly object[]): object {
  const hosts = matchers.map((matcher, index) => ({
    name: `${index}`,
    domains: [`t${index}`],
    routes: [{ match: { prefix: "", headers: [{ name: "x-value", ...matcher }] }, direct_response: { status: 200 } }],
  }));
  return { route_config: { virtual_hosts: hosts } };
}

const rangeMatchers = ranges.map(([start, end]) => ({ range_match: { start: String(start), end: String(end) } }));
const stringMatchers = strings.map((string_match) => ({ string_match }));
await using envoy = await RecordingEnvoy.start({ range: manager(rangeMatchers), string: manager(stringMatchers) });

/** Each matcher with the values that it matches, and a note of those that the codec refuses or changes by itself. */
async function table(listener: string, matchers: readonly object[], candidates: readonly string[]): Promise<unknown[][]> {
  return mapConcurrently(matchers, 1, async (matcher) => {
    const headers = (value: string): Record<string, string> => ({ Host: `t${matchers.indexOf(matcher)}`, "X-Value": value });
    const statuses = await mapConcurrently(candidates, 16, async (value) => (await envoy.request(listener, "/", headers(value))).status);
    return [matcher, candidates.filter((_, index) => statuses[index] === 200), candidates.filter((_, index) => statuses[index] === 404)];
  });
}

const lines = (rows: readonly unknown[]): string => `[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]`;
const note = `Recorded from Envoy ${await envoyVersion()} by record.mts in this folder: a matcher, the values that it matches, those that it does not. A character stands for a byte.`;
const sections = {
  note: JSON.stringify(note),
  ranges: lines(await table("range", rangeMatchers, numbers)),
  strings: lines(await table("string", stringMatchers, values)),
};
const text = Object.entries(sections).map(([name, value]) => `${JSON.stringify(name)}: ${value}`);
await writeFile(new URL("header.vectors.json", import.meta.url), `{\n${text.join(",\n")}\n}\n`);
