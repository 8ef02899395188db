import { ReadContext, suggestion } from "../fields/index.ts";
import type { Kind, PartReader } from "../kind.ts";
import type { Manifest } from "../manifest.ts";
import { type MeshObject, objectKey } from "../object.ts";
import type { FieldPath } from "../place.ts";
import { Code, type Level, type Problem } from "../problem.ts";
import type { Kinds } from "./kinds.ts";
import { metadata as metadataFields } from "./metadata.ts";

/** What became of a document. */
export interface ObjectRead {
  /** Undefined where an error refuses it, and where it is of another tool. */
  readonly object: MeshObject | undefined;
  /** What holds in the place of a refused object that had no good version (`Kind.standIn`). */
  readonly standIn?: MeshObject | undefined;
  /** What reading it found wrong; what is wrong with the document itself stands in the manifest. */
  readonly problems: readonly Problem[];
  /** Which object it is about, as far as it says; undefined where that cannot be told. */
  readonly key: string | undefined;
  /** True for what belongs to another tool. */
  readonly passedOver: boolean;
}

/** Reads one document: its kind, metadata and fields, and what its kind checks. Never throws. */
export function readObject(manifest: Manifest, kinds: Kinds): ObjectRead {
  const problems: Problem[] = [];
  const root = new ReadContext(manifest, problems);
  const { apiVersion, kind: name } = manifest.value;
  const passedOver = (object: undefined, over: boolean): ObjectRead => ({
    object,
    problems,
    key: over ? undefined : keyOf(manifest),
    passedOver: over,
  });
  if (typeof apiVersion !== "string" || apiVersion === "" || typeof name !== "string" || name === "") {
    reportMissing(root, manifest, kinds);
    return passedOver(undefined, false);
  }
  const found = kinds.find(apiVersion, name);
  if (found.found === "other") {
    root.at("kind").report("info", Code.UnknownKind, found.message);
    return { object: undefined, problems, key: undefined, passedOver: true };
  }
  if (found.found === "nothing") {
    root.at(found.field).report("error", Code.UnknownKind, found.message);
    return {
      ...passedOver(undefined, false),
      standIn: found.kind === undefined ? undefined : standInFor(manifest, found.kind, apiVersion),
    };
  }
  const object = readFields(manifest, found.kind, apiVersion, root);
  if (object !== undefined) check(object, found.kind, manifest, problems);
  const refused = object === undefined || [...(manifest.problems ?? []), ...problems].some(({ level }) => level === "error");
  return {
    object: refused ? undefined : object,
    standIn: refused ? standInFor(manifest, found.kind, apiVersion) : undefined,
    problems,
    key: object === undefined ? keyOf(manifest) : objectKey(object),
    passedOver: false,
  };
}

function reportMissing(root: ReadContext, { value }: Manifest, kinds: Kinds): void {
  for (const field of ["apiVersion", "kind"] as const) {
    const found = value[field];
    if (typeof found === "string" && found !== "") continue;
    if (found !== undefined && found !== null) {
      root.at(field).wrong(`expected a text, found ${JSON.stringify(found)}`);
      continue;
    }
    const [example] = kinds.all;
    const sample = example === undefined ? "" : field === "kind" ? `, as ${example.kind}` : `, as ${versionOf(example)}`;
    const near = Object.keys(value).find((key) => suggestion(key, [field]) !== "");
    const hint = near === undefined ? "" : `; is "${near}" meant to be it?`;
    root.report("error", Code.Missing, `"${field}" is missing${sample}${hint}`);
  }
}

function versionOf({ group, versions: [version = ""] }: Kind): string {
  return group === "" ? version : `${group}/${version}`;
}

function readFields(manifest: Manifest, kind: Kind, apiVersion: string, root: ReadContext): MeshObject | undefined {
  const { value } = manifest;
  const metadata = isAbsent(value["metadata"]) ? missingMetadata(root, value) : metadataFields.read(value["metadata"], root.at("metadata"));
  let spec: unknown;
  let good = true;
  if (kind.body === "spec") {
    for (const key of Object.keys(value)) {
      if (DOCUMENT_FIELDS.includes(key)) continue;
      root.at(key).report("error", Code.UnknownField, `unknown field "${key}"${suggestion(key, DOCUMENT_FIELDS)}`);
      good = false;
    }
    spec = kind.fields.read(value["spec"] ?? {}, root.at("spec"));
  } else {
    const body: [string, unknown][] = [];
    for (const [key, entry] of Object.entries(value)) {
      // What runs says by its `status` where: a pod has no other address.
      if (BESIDE_BODY.includes(key) && kind.fields.members?.[key] === undefined) continue;
      const near = kind.fields.members?.[key] === undefined ? suggestion(key, BESIDE_BODY) : "";
      if (near === "") body.push([key, entry]);
      else root.at(key).report("error", Code.UnknownField, `unknown field "${key}"${near}`);
      good &&= near === "";
    }
    spec = kind.fields.read(Object.fromEntries(body), root);
  }
  if (metadata === undefined || spec === undefined || !good) return undefined;
  const object: MeshObject = {
    apiVersion,
    kind: kind.kind,
    metadata,
    spec,
    place: (path = []) => manifestOf(object).place(path),
  };
  moveObject(object, manifest);
  return object;
}

/** What a kind that protects workloads puts in the place of a document with errors, as far as it says for whom it is. */
function standInFor(manifest: Manifest, kind: Kind, apiVersion: string): MeshObject | undefined {
  if (kind.standIn === undefined) return undefined;
  const read: PartReader = (type, value) => {
    const problems: Problem[] = [];
    const found = value === undefined || value === null ? undefined : type.read(value, new ReadContext(manifest, problems));
    return problems.some(({ level }) => level === "error") ? undefined : found;
  };
  const metadata = read(metadataFields, manifest.value["metadata"]) ?? nameOf(manifest);
  const spec = metadata === undefined ? undefined : kind.standIn({ metadata }, manifest.value[kind.body === "spec" ? "spec" : ""], read);
  if (metadata === undefined || spec === undefined) return undefined;
  const object: MeshObject = { apiVersion, kind: kind.kind, metadata, spec, place: (path = []) => manifestOf(object).place(path) };
  moveObject(object, manifest);
  standIns.add(object);
  return object;
}

/** What becomes of a document whose object turned out to be bad after it was read. */
export function refusedRead(read: ObjectRead, manifest: Manifest, problem: Problem, kinds: Kinds): ObjectRead {
  const { apiVersion, kind } = manifest.value;
  const found = kinds.find(String(apiVersion), String(kind));
  const standIn = found.found === "kind" ? standInFor(manifest, found.kind, String(apiVersion)) : undefined;
  return { ...read, object: undefined, standIn, problems: [...read.problems, problem] };
}

/** The least that metadata can say. */
function nameOf({ value: { metadata } }: Manifest): MeshObject["metadata"] | undefined {
  if (typeof metadata !== "object" || metadata === null) return undefined;
  const { name, namespace = "default" } = metadata as { readonly name?: unknown; readonly namespace?: unknown };
  if (typeof name !== "string" || typeof namespace !== "string") return undefined;
  return { name, namespace, labels: {}, annotations: {}, creationTimestamp: undefined };
}

const standIns = new WeakSet<MeshObject>();

/** Whether an object stands in the place of one that is refused. */
export function isStandIn(object: MeshObject): boolean {
  return standIns.has(object);
}

const manifests = new WeakMap<MeshObject, Manifest>();

/**
 * The document that an object was read from.
 *
 * @throws TypeError where `readObject` has not made it
 */
export function manifestOf(object: MeshObject): Manifest {
  const manifest = manifests.get(object);
  if (manifest === undefined) throw new TypeError(`${objectKey(object)} was not read from a manifest`);
  return manifest;
}

/** Says that another document, which means the same, is now the one of an object: only its places change. */
export function moveObject(object: MeshObject, manifest: Manifest): void {
  manifests.set(object, manifest);
}

/** `status` is what an API server wrote into it; it says nothing of what is wanted. */
const DOCUMENT_FIELDS = ["apiVersion", "kind", "metadata", "spec", "status"];
const BESIDE_BODY = ["apiVersion", "kind", "metadata", "status"];

function missingMetadata(root: ReadContext, value: Manifest["value"]): undefined {
  // A misspelled one is told as an unknown field, with the suggestion.
  if (Object.keys(value).some((key) => !DOCUMENT_FIELDS.includes(key) && suggestion(key, ["metadata"]) !== "")) return undefined;
  root.report("error", Code.Missing, '"metadata" is missing: every object has a name');
  return undefined;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function check(object: MeshObject, kind: Kind, manifest: Manifest, problems: Problem[]): void {
  const report = (level: Level, code: string, path: FieldPath, message: string) => {
    problems.push({ ...manifest.place(path), level, code, path, message });
  };
  try {
    kind.check?.(object, report);
  } catch (error) {
    // A fault of ours is one object's, not the service's.
    report(
      "error",
      Code.Value,
      [],
      `could not be checked, which is a fault of meshwright: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }
}

/** Which object a document is about that could not be read as one. */
function keyOf(manifest: Manifest): string | undefined {
  const { kind } = manifest.value;
  const metadata = nameOf(manifest);
  return typeof kind === "string" && metadata !== undefined ? objectKey({ kind, metadata }) : undefined;
}
