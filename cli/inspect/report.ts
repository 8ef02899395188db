import type { ModuleExamination, ModuleProblem } from "../../harness/inspect/index.ts";
import { table } from "../control/output.ts";

/** What `meshwright inspect` prints: the shape of its JSON. */
export interface InspectReport extends ModuleExamination {
  readonly file: string;
  /** Whether the in-process host loaded and configured it as Envoy would; `undefined` where it could not be tried. */
  readonly loads: boolean | undefined;
  readonly snippets: { readonly envoy: string; readonly istio: string };
}

/** The report for people: one subject a line, then the problems. */
export function reportText(report: InspectReport): string {
  const { memory, sections } = report;
  const rows: string[][] = [
    ["module", `${report.file}, ${bytes(report.size)}, ${report.functions} functions${report.hasNames ? "" : " without names"}`],
    ["sha256", report.sha256],
    ["ABI", report.abi ?? "none"],
    [
      "made with",
      [report.language, report.sdk, ...Object.values(report.producers).flat()]
        .filter((part, at, all) => part && all.indexOf(part) === at)
        .join(", ") || "nothing shows",
    ],
    [
      "memory",
      memory === undefined
        ? "none"
        : `${bytes(memory.initial)}${memory.maximum === undefined ? ", may grow without a limit" : `, at most ${bytes(memory.maximum)}`}`,
    ],
    ["sections", sections.map(({ name, size }) => `${name} ${bytes(size)}`).join(", ")],
    ["callbacks", list(report.callbacks)],
    ["other exports", list(report.exports.filter((name) => !report.callbacks.includes(name)))],
    ["imports", list(report.imports)],
    ["loads", report.loads === undefined ? "not tried" : report.loads ? "yes" : "no"],
  ];
  return [
    table(rows),
    ...(report.problems.length === 0 ? [] : ["\n", ...report.problems.map(problemLine)]),
    "\nEnvoy:\n\n",
    report.snippets.envoy,
    "\nIstio: --snippet istio prints an EnvoyFilter\n",
  ].join("");
}

function problemLine({ level, code, message }: ModuleProblem): string {
  return `${level} ${code}: ${message}\n`;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(" ");
}

/** A size as people read it: up to a KiB in bytes. */
export function bytes(size: number): string {
  if (size < 1024) return `${size} B`;
  return size < 1024 ** 2 ? `${(size / 1024).toFixed(1)} KiB` : `${(size / 1024 ** 2).toFixed(1)} MiB`;
}
