import { type FieldType, list, text } from "../fields/index.ts";
import type { FieldPath } from "../place.ts";
import { Code, type Level } from "../problem.ts";
import type { ExportTo } from "../visibility.ts";
import { wrongDnsLabel } from "./names.ts";

/** `exportTo`: namespaces, `.` for the object's own, `*` for all, `~` for none. */
export const exportTo: FieldType<ExportTo> = list(
  text({ shape: "namespace", check: (value) => (value === "." || value === "*" || value === "~" ? undefined : wrongDnsLabel(value)) }),
);

/** Who sees an object; an empty list says nothing, as in protocol buffers. */
export function exportedTo(written: ExportTo | undefined, byDefault: ExportTo): ExportTo {
  return written === undefined || written.length === 0 ? byDefault : written;
}

export interface ExportToRules {
  /** `~` is allowed: of ServiceEntry. Default: false. */
  readonly none?: boolean;
  /** The object selects workloads, so it cannot leave its namespace: of DestinationRule. Default: false. */
  readonly own?: boolean;
}

/** Istio's `validateExportTo`. */
export function checkExportTo(
  value: ExportTo | undefined,
  namespace: string,
  { none = false, own = false }: ExportToRules,
  report: (level: Level, code: string, path: FieldPath, message: string) => void,
): void {
  if (value === undefined || value.length === 0) return;
  const path = ["spec", "exportTo"];
  const seen = new Set<string>();
  for (const [index, entry] of value.entries()) {
    const key = entry === "." ? namespace : entry;
    if (seen.has(key))
      report(
        "error",
        Code.Duplicate,
        [...path, index],
        `${JSON.stringify(entry)} stands there twice${key === entry ? "" : ` (as "${namespace}")`}`,
      );
    seen.add(key);
    if (entry === "~" && !none) report("error", Code.Value, [...path, index], `"~" is allowed in a ServiceEntry only`);
  }
  if (own && (seen.size > 1 || !seen.has(namespace)))
    report("error", Code.Value, path, `an object with a workloadSelector holds in its own namespace only; write ["."]`);
  if (seen.has("*") && value.length > 1) report("error", Code.Value, path, `"*" exports to all namespaces; name no others beside it`);
  if (none && seen.has("~") && value.length > 1) report("error", Code.Value, path, `"~" exports to nobody; name nobody beside it`);
}
