/** Where something stands in a source; lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The way from an object's root to a field: `["spec", "http", 0, "route"]`. */
export type FieldPath = readonly (string | number)[];

/** A path as people write it: `spec.http[0].route`; keys that are no plain names are quoted: `metadata.labels["a.b/c"]`. */
export function formatPath(path: FieldPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}
