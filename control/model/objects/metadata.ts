import { boolean, defaulted, type FieldType, integer, json, list, map, object, optional, text } from "../fields/index.ts";
import type { ObjectMetadata } from "../object.ts";

/** What the documentation of Kubernetes calls ObjectMeta. Fields that only an API server uses are taken and not looked at. */
const fields = object({
  name: optional(text({ shape: "name", check: checkName }), "Name, unique in its namespace and kind."),
  namespace: defaulted(text({ shape: "namespace", check: checkLabelName }), "default", "Namespace."),
  labels: defaulted(map(text({ empty: true, check: checkLabelValue }), { key: checkKey }), {}, "What selectors choose by."),
  annotations: defaulted(map(text({ empty: true }), { key: checkKey }), {}, "Further facts."),
  creationTimestamp: optional(timestamp(), "When it was made; the oldest of two that conflict wins."),
  generateName: optional(text({ empty: true }), "Not used: objects in files have names."),
  uid: optional(text({ empty: true }), "Not used."),
  resourceVersion: optional(text({ empty: true }), "Not used."),
  generation: optional(integer({ most: Number.MAX_SAFE_INTEGER }), "Not used."),
  selfLink: optional(text({ empty: true }), "Not used."),
  deletionTimestamp: optional(text({ empty: true }), "Not used."),
  deletionGracePeriodSeconds: optional(integer(), "Not used."),
  finalizers: optional(list(text({ empty: true })), "Not used."),
  ownerReferences: optional(list(json), "Not used."),
  managedFields: optional(list(json), "Not used."),
  clusterName: optional(text({ empty: true }), "Not used."),
  // Some exporters write it; Kubernetes dropped it.
  initialized: optional(boolean, "Not used."),
});

/** Reads `metadata`; a missing name is an error of its own. */
export const metadata: FieldType<ObjectMetadata> = {
  shape: "metadata",
  members: fields.members,
  read(value, context) {
    const read = fields.read(value, context);
    if (read === undefined) return undefined;
    if (read.name === undefined) return context.wrong('"name" is missing: every object has one');
    const { name, namespace, labels, annotations, creationTimestamp } = read;
    return { name, namespace, labels, annotations, creationTimestamp };
  },
};

function timestamp(): FieldType<number> {
  return {
    shape: "time such as 2026-01-31T12:00:00Z",
    read(value, context) {
      const time = typeof value === "string" && RFC_3339.test(value) ? Date.parse(value) : NaN;
      return Number.isNaN(time) ? context.wrong(`expected a time such as 2026-01-31T12:00:00Z, found ${JSON.stringify(value)}`) : time;
    },
  };
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** RFC 1123's subdomain: what Kubernetes wants of names. */
function checkName(name: string): string | undefined {
  if (name.length > 253) return `the name has ${name.length} characters; 253 are allowed`;
  if (/^[a-z\d]([-a-z\d]*[a-z\d])?(\.[a-z\d]([-a-z\d]*[a-z\d])?)*$/.test(name)) return undefined;
  return `${JSON.stringify(name)} is no name (RFC 1123): lower-case letters, digits, "-" and ".", with a letter or digit at both ends`;
}

/** RFC 1123's label: what Kubernetes wants of namespaces. */
function checkLabelName(name: string): string | undefined {
  if (name.length <= 63 && /^[a-z\d]([-a-z\d]*[a-z\d])?$/.test(name)) return undefined;
  return `${JSON.stringify(name)} is no namespace (RFC 1123): up to 63 lower-case letters, digits and "-", with a letter or digit at both ends`;
}

/** Keys of labels and annotations: `name` or `prefix/name`. */
function checkKey(key: string): string | undefined {
  const slash = key.indexOf("/");
  const prefix = key.slice(0, Math.max(slash, 0));
  const name = key.slice(slash + 1);
  if (slash >= 0 && (prefix === "" || checkName(prefix.toLowerCase()) !== undefined))
    return `"${prefix}" before the "/" has to be a DNS name`;
  if (name.length <= 63 && /^[A-Za-z\d]([-\w.]*[A-Za-z\d])?$/.test(name)) return undefined;
  return `${JSON.stringify(name)} is no key: up to 63 letters, digits, "-", "_" and ".", with a letter or digit at both ends`;
}

function checkLabelValue(value: string): string | undefined {
  if (value === "" || (value.length <= 63 && /^[A-Za-z\d]([-\w.]*[A-Za-z\d])?$/.test(value))) return undefined;
  return `${JSON.stringify(value)} is no value of a label: up to 63 letters, digits, "-", "_" and ".", with a letter or digit at both ends`;
}
