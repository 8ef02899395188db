import { type FieldPath, formatPath, type Place } from "./place.ts";

/** `error`: the object is refused. `warning`: it works, and likely not as meant. `info`: worth knowing. */
export type Level = "error" | "warning" | "info";

/** What is wrong with an object, where, and what to do. */
export interface Problem extends Place {
  readonly level: Level;
  /** One of the codes below, or Istio's (`IST0101`) where the check is one of `istioctl analyze`. */
  readonly code: string;
  readonly path: FieldPath;
  readonly message: string;
}

/** Our codes, for what Istio's analysers have none. A kind uses those; the checks across objects use Istio's codes where they exist. */
export const Code = {
  /** No YAML, or more of it than is read. */
  Syntax: "MW0001",
  UnknownKind: "MW0002",
  UnknownField: "MW0003",
  /** A value of the wrong shape or out of its range. */
  Value: "MW0004",
  Missing: "MW0005",
  Duplicate: "MW0006",
  /** A field of Istio's that this mesh does not carry out; the message says why. */
  Refused: "MW0007",
  /** Two fields of which only one may be there. */
  Exclusive: "MW0008",
  Metadata: "MW0009",
  /** A rule that no request can reach or match. */
  Unreachable: "MW0010",
  /** Works as Istio has it, and likely surprises. */
  Surprise: "MW0011",
  /** A file or directory that cannot be read. */
  Unreadable: "MW0012",
  /** A workload that takes mTLS alone, whose proxy has no certificate. */
  NoIdentity: "MW0013",
  /** A policy that cannot be carried out as it is written: what it would have governed is denied. */
  Denied: "MW0014",
  /** The module of a filter refuses it. */
  RefusedByModule: "MW0015",
  /** A patch of an EnvoyFilter that cannot be applied, or would make something of which Envoy takes nothing. */
  PatchFailed: "MW0016",
} as const;

/** `file:line:column: level code path: message` */
export function formatProblem({ file, line, column, level, code, path, message }: Problem): string {
  return `${file}:${line}:${column}: ${level} ${code} ${formatPath(path)}: ${message}`;
}

/** By file, then place. */
export function compareProblems(a: Place, b: Place): number {
  return (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column;
}
