import { createHash } from "node:crypto";
import { type FieldPath, type Manifest, type MeshObject, objectKey, type Place } from "../../model/index.ts";
import { readManifests } from "../../model/manifest/index.ts";
import { manifestOf } from "../../model/objects/index.ts";

/** One document of a request, as it would be kept. */
export interface RequestDocument {
  readonly value: Readonly<Record<string, unknown>>;
  /** As it was sent; an entry of a `List`, and what was sent as JSON, as JSON. */
  readonly text: string;
  /** What is wrong with the document itself, as a key that stands there twice. */
  readonly problems: Manifest["problems"];
}

/** The document as a manifest of a file of its own. Places are looked for when they are asked for: mostly nothing is wrong. */
export function manifestIn(file: string, { value, text, problems }: RequestDocument): Manifest {
  const place = (path: FieldPath): Place => readManifests(file, text).manifests[0]?.place(path) ?? { file, line: 1, column: 1 };
  return {
    value,
    place,
    ...(problems === undefined ? {} : { problems: problems.map((problem) => ({ ...problem, file })) }),
    source: { file, line: 1, text, item: undefined },
  };
}

/** The document without what only says which version of an object it is about. */
export function withoutVersion(document: RequestDocument): {
  readonly document: RequestDocument;
  readonly resourceVersion: string | undefined;
} {
  const { metadata } = document.value;
  if (typeof metadata !== "object" || metadata === null || !("resourceVersion" in metadata))
    return { document, resourceVersion: undefined };
  const { resourceVersion, ...rest } = metadata;
  const value = { ...document.value, metadata: rest };
  return {
    document: { value, text: `${JSON.stringify(value, undefined, 2)}\n`, problems: document.problems },
    resourceVersion: typeof resourceVersion === "string" && resourceVersion !== "" ? resourceVersion : undefined,
  };
}

const VERSIONS = new WeakMap<Manifest, string>();

/** Another for another content; the same after a restart, and wherever the object stands. */
export function versionOf(object: MeshObject): string {
  return contentVersion(manifestOf(object));
}

export function contentVersion(manifest: Manifest): string {
  let version = VERSIONS.get(manifest);
  if (version === undefined) {
    version = createHash("sha256").update(JSON.stringify(manifest.value)).digest("base64url").slice(0, 16);
    VERSIONS.set(manifest, version);
  }
  return version;
}

/** An object as the API shows it. */
export interface ShownObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Of the content, for `If-Match` and `metadata.resourceVersion`. */
  readonly resourceVersion: string;
  /** `api`: made by the API. `file`: it stands in a file that the service watches, and the API cannot change it. */
  readonly source: "api" | "file";
  readonly file: string;
  readonly line: number;
  /** The document, with its version. Of a Secret the values are left out. */
  readonly object: Readonly<Record<string, unknown>>;
}

export function shown(object: MeshObject, isOfApi: (file: string) => boolean): ShownObject {
  const { kind, metadata } = object;
  const { value } = manifestOf(object);
  const { file, line } = object.place();
  const resourceVersion = versionOf(object);
  const own = typeof value["metadata"] === "object" && value["metadata"] !== null ? value["metadata"] : {};
  const document = { ...value, metadata: { ...own, namespace: metadata.namespace, resourceVersion } };
  return {
    kind,
    namespace: metadata.namespace,
    name: metadata.name,
    resourceVersion,
    source: isOfApi(file) ? "api" : "file",
    file,
    line,
    object: kind === "Secret" ? withoutValues(document) : document,
  };
}

function withoutValues(document: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const hidden = (data: unknown) =>
    typeof data === "object" && data !== null ? Object.fromEntries(Object.keys(data).map((key) => [key, "<hidden>"])) : data;
  const fields = ["data", "stringData"].filter((field) => field in document).map((field) => [field, hidden(document[field])]);
  return { ...document, ...(Object.fromEntries(fields) as Record<string, unknown>) };
}

/** By kind, namespace and name. */
export function compareObjects(a: MeshObject, b: MeshObject): number {
  const [first, second] = [objectKey(a), objectKey(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}
