import { EFFECTS, REFUSAL_GROUPS, refusalOf } from "./effects.ts";
import { PROBES } from "./probes.ts";
import { SUBJECTS } from "./steps/cases/index.ts";
import { tcp } from "./steps/cases/tcp.ts";
import { STEP_DIFFERENCES } from "./steps/versions.ts";
import { CALLBACKS, type Run, type Situation } from "./run.ts";
import { DIFFERENCES, missingIn, NEWEST } from "./versions.ts";

const METADATA =
  "only for METADATA frames of HTTP/2, which Envoy takes with `http2_protocol_options.allow_metadata`; of them the module learns the number of entries alone. Compared [step by step](#step-by-step)";

/** Callbacks of the ABI without a column of their own, and why. */
export const NOT_PROBED: Readonly<Record<string, string>> = {
  foreign_function: "no foreign function of Envoy's calls back",
  proxy_validate_configuration: "Envoy looks it up and never calls it",
  request_metadata: METADATA,
  response_metadata: METADATA,
};

/** Hostcalls that give the same in every callback stand in one line each. */
const STATUSES = ["Ok", "NotFound", "BadArgument", "SerializationFailure", "ParseFailure", "BadExpression", "InvalidMemoryAccess", "Empty"];
const MORE_STATUSES = ["CasMismatch", "ResultMismatch", "InternalFailure", "BrokenConnection", "Unimplemented"];

const TITLES: Readonly<Record<Situation, string>> = {
  http: "In a request over HTTP",
  tcp: "In a TCP connection",
  update: "When a configuration is replaced",
};

/** The generated part of `docs/host-conformance.md`: statuses of the probes with right arguments, as the host and Envoy agree on them. */
export function conformancePage(run: Run): string {
  const valid = PROBES.filter(({ kind }) => kind === "valid").length;
  const callbacks = new Set(Object.values(CALLBACKS).flat()).size;
  return [
    "## The table",
    "",
    `${PROBES.length} probes (${valid} with right arguments, ${PROBES.length - valid} with wrong ones) in each of ${callbacks} callbacks. A cell has the statuses that a hostcall gave with right arguments there: ${[...STATUSES, ...MORE_STATUSES].map((name, status) => `${status} ${name}`).join(", ")}. For WASI they are errno numbers. † stands where the host refuses a call, see [what remains](#what-remains).`,
    "",
    ...(["http", "tcp", "update"] as const).flatMap((situation) => [`### ${TITLES[situation]}`, "", ...table(run, situation), ""]),
    "### Callbacks that are not in it",
    "",
    ...grid(
      ["callback", "why"],
      Object.entries(NOT_PROBED).map(([name, why]) => [`\`${name}\``, why]),
    ),
    "",
    "### In every callback alike",
    "",
    ...grid(
      ["hostcall", "status"],
      alike(run).map(({ name, statuses }) => [`\`${name}\``, statuses]),
    ),
    "",
    "## Step by step",
    "",
    "Cases in which a client and an upstream do one thing after the other; behind each step the log, the client and the upstream are compared:",
    "",
    ...grid(
      ["subject", "cases"],
      Object.entries(SUBJECTS).map(([subject, cases]) => [subject, String(cases.length)]),
    ),
    "",
    "## What remains",
    "",
    `With right arguments nothing differs between the host and Envoy ${NEWEST}; with wrong ones neither. Where the host refuses, by an error that says so, what Envoy does cannot be relied on:`,
    "",
    ...grid(
      ["hostcall", "in", "host", "why"],
      REFUSAL_GROUPS.map(({ hostcall, whats, callbacks: places, code, reason }) => [
        `\`${hostcall}\` (${whats.join("; ")})`,
        places.map((callback) => `\`${callback}\``).join(", "),
        `\`${code}\``,
        reason,
      ]),
    ),
    "",
    "## Other versions of Envoy",
    "",
    `The host does what Envoy ${NEWEST} does. \`npm run test:envoy -- all test/conformance/host\` compares it with each one from 1.36 on: the probes, the effects, the steps and the two workers. Older ones differ in these, and in nothing else that is tried:`,
    "",
    ...grid(["Envoy", "hostcall", "there", `in ${NEWEST}`], olderRows()),
    "",
    "Step by step:",
    "",
    ...grid(
      ["Envoy", "what", "there", `in ${NEWEST}`, "cases"],
      STEP_DIFFERENCES.map(({ versions, what, there, here, cases }) => [versions.join(", "), what, there, here, String(cases.length)]),
    ),
    "",
  ].join("\n");
}

function olderRows(): string[][] {
  return Object.entries(DIFFERENCES).flatMap(([version, list]) => [
    ...(missingIn(version).size === 0
      ? []
      : [[version, [...missingIn(version)].map((name) => `\`${name}\``).join(", "), "a module that imports one does not load", "there"]]),
    ...list.map(({ hostcall, what, envoy, host }) => [version, `\`${hostcall}\` (${what})`, `\`${envoy}\``, `\`${host}\``]),
  ]);
}

function statusesOf(run: Run, situation: Situation, callback: string): Map<string, string> {
  const results = run[situation].get(callback)?.results ?? new Map<number, string>();
  const statuses = new Map<string, Set<number>>();
  for (const [index, result] of results) {
    const probe = PROBES[index];
    if (probe?.kind !== "valid") continue;
    const known = statuses.get(probe.hostcall) ?? new Set<number>();
    statuses.set(probe.hostcall, known.add(Number.parseInt(result, 10)));
  }
  return new Map([...statuses].map(([name, set]) => [name, [...set].toSorted((a, b) => a - b).join(" ")]));
}

/** Hostcalls for which each callback of each situation has the same statuses. */
function alike(run: Run): Array<{ readonly name: string; readonly statuses: string }> {
  const cells = (["http", "tcp", "update"] as const).flatMap((situation) =>
    CALLBACKS[situation].map((callback) => statusesOf(run, situation, callback)),
  );
  const names = [...new Set(PROBES.map(({ hostcall }) => hostcall))];
  return names.flatMap((name) => {
    const statuses = new Set(cells.map((cell) => cell.get(name) ?? ""));
    const [only = ""] = statuses;
    return statuses.size === 1 && only !== "" ? [{ name, statuses: only }] : [];
  });
}

/** Hostcalls down, callbacks across: those that give different statuses somewhere. */
function table(run: Run, situation: Situation): string[] {
  const same = new Set(alike(run).map(({ name }) => name));
  const callbacks = CALLBACKS[situation];
  const cells = new Map(callbacks.map((callback) => [callback, statusesOf(run, situation, callback)]));
  const names = [...new Set(PROBES.map(({ hostcall }) => hostcall))].filter((name) => !same.has(name));
  return grid(
    ["", ...callbacks.map((name) => `\`${name}\``)],
    names.map((name) => [
      `\`${name.replace("proxy_", "")}\``,
      ...callbacks.map((callback) => cells.get(callback)?.get(name) ?? (situation === "tcp" ? tcpEffectOf : effectOf)(name, callback)),
    ]),
  );
}

/** Of what ends or changes a stream: its status where it is carried out, `†` where the host refuses a variant of it. */
function effectOf(hostcall: string, callback: string): string {
  const effects = EFFECTS.filter((effect) => effect.hostcall === hostcall && effect.callback === callback);
  const refused = effects.filter((effect) => refusalOf(effect) !== undefined);
  return [...(refused.length < effects.length ? ["0"] : []), ...(refused.length > 0 ? ["†"] : [])].join(" ");
}

/** Of a TCP connection that is tried step by step. */
function tcpEffectOf(hostcall: string, callback: string): string {
  const isTried = tcp.some(({ title }) => title.startsWith(hostcall.replace("proxy_", "")) && title.endsWith(` in ${callback}`));
  return isTried ? "0" : "";
}

function grid(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string[] {
  const line = (row: readonly string[]) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    "<!-- prettier-ignore-start -->",
    "",
    line(head),
    line(head.map(() => "---")),
    ...rows.map(line),
    "",
    "<!-- prettier-ignore-end -->",
  ];
}
