import type { JsonValue } from "@bufbuild/protobuf";
import type { FieldChange, ToldProblem } from "../../control/diff/index.ts";
import { colorsOf } from "../colors.ts";
import { table } from "../control/output.ts";
import { more, number } from "./counts.ts";
import type { DiffReport, ReportedGroup, ReportedResource } from "./report.ts";
import { requestsAsText } from "./requests/text.ts";

/** Of what there may be thousands, this many are shown as text; the rest is counted, and `--output json` has all. */
const MOST = { proxies: 5, resources: 50, fields: 12 };
const LONGEST_VALUE = 120;

const PAINT = { added: "green", new: "red", changed: "yellow", again: "dim", removed: "red", gone: "green" } as const;

/** A report for people. */
export function asText(report: DiffReport): string {
  const { objects, problems, proxies, groups, requests, notes } = report;
  const parts = [
    section(
      "objects",
      table(
        objects.map(({ change, kind, namespace, name, file, line }) => [paint(change), `${kind} ${namespace}/${name}`, `${file}:${line}`]),
      ),
    ),
    section(
      "problems",
      table(
        [...problems.new.map((each) => ["new", each] as const), ...problems.gone.map((each) => ["gone", each] as const)].map(
          ([what, problem]) => [paint(what), line(problem)],
        ),
      ),
    ),
    `proxies: ${number(proxies.changed)} of ${number(proxies.total)} get something else${proxies.changed === 0 ? "" : `, ${bytes(proxies.bytes)} in all`}\n`,
    ...groups.map(group),
    ...(requests === undefined ? [] : [requestsAsText(requests)]),
    section("not compared", notes.map((note) => `${note}\n`).join("")),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function group({ proxies, bytes: size, resources }: ReportedGroup): string {
  const count = proxies.length === 1 ? "1 proxy" : `${number(proxies.length)} proxies`;
  const named = proxies.slice(0, MOST.proxies).map((id) => `  ${id}\n`);
  const shown = resources.slice(0, MOST.resources).map(resource);
  return [
    `${count}, ${bytes(size)}${proxies.length === 1 ? "" : " each"}:\n`,
    ...named,
    more(proxies.length - MOST.proxies, "  "),
    ...shown,
    more(resources.length - MOST.resources, "    "),
  ].join("");
}

function resource({ change, type, name, bytes: size, fields = [] }: ReportedResource): string {
  const lines = fields.slice(0, MOST.fields).map((each) => `      ${field(each)}\n`);
  return `    ${paint(change)} ${type} ${name}, ${bytes(size)}\n${lines.join("")}${more(fields.length - MOST.fields, "      ")}`;
}

function field({ path, before, after }: FieldChange): string {
  if (before === undefined) return `${path}: + ${value(after)}`;
  return after === undefined ? `${path}: - ${value(before)}` : `${path}: ${value(before)} -> ${value(after)}`;
}

function value(of: JsonValue | undefined): string {
  const text = JSON.stringify(of) ?? "";
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}...` : text;
}

function section(title: string, content: string): string {
  return content === "" ? "" : `${title}:\n${content.replaceAll(/^(?=.)/gm, "  ")}`;
}

function line({ file, line: at, column, level, code, path, message }: ToldProblem): string {
  return `${file}:${at}:${column}: ${level} ${code} ${path}: ${message}`;
}

function paint(what: keyof typeof PAINT): string {
  return colorsOf(process.stdout)[PAINT[what]](what.padEnd(7));
}

function bytes(count: number): string {
  return count === 1 ? "1 byte" : `${number(count)} bytes`;
}
