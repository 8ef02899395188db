import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { MAX_BYTES, sha256Of, unpack } from "./unpack.ts";

// An image on disk: https://github.com/opencontainers/image-spec/blob/main/image-layout.md

/** Where the images of a layout are listed; it is replaced where one is added. */
export function indexOf(folder: string): string {
  return join(folder, "index.json");
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const INDEX = "application/vnd.oci.image.index.v1+json";
const REFERENCE = "org.opencontainers.image.ref.name";
/** Of the two forms that Istio reads (https://github.com/solo-io/wasm/tree/master/spec), the one with the bytes as they are; and that of the CNCF. */
const PLAIN_LAYERS = ["application/vnd.module.wasm.content.layer.v1+wasm", "application/wasm"];

/**
 * The module of an image.
 *
 * @param tag which image; may be left out where there is one only
 * @param sha256 what the manifest must be
 * @throws Error that says what is wrong
 */
export async function readLayout(folder: string, tag: string | undefined, sha256: string | undefined): Promise<Uint8Array> {
  const layout = await json(join(folder, "oci-layout"), await bounded(join(folder, "oci-layout")));
  if (!String(layout["imageLayoutVersion"]).startsWith("1.")) throw new Error(`${folder} is no OCI image layout of version 1`);
  const path = indexOf(folder);
  const images = descriptors(path, await json(path, await bounded(path)), "manifests");
  const named = images.filter(({ annotations, digest }) =>
    tag === undefined ? sha256 === undefined || digest === `sha256:${sha256}` || images.length === 1 : annotations[REFERENCE] === tag,
  );
  const [image] = named;
  if (image === undefined || named.length > 1) {
    const tags = images.map(({ annotations }) => annotations[REFERENCE] ?? "one without a tag");
    throw new Error(`${path} has ${named.length} such images: write one of its tags behind the path, :${tags.join(", :")}`);
  }
  if (sha256 !== undefined && image.digest !== `sha256:${sha256}`)
    throw new Error(`the manifest of the image is ${image.digest}, and sha256 says ${sha256}`);
  return moduleOf(folder, await manifestOf(folder, image, 0));
}

/** Of an index, which may be one of several platforms, the first: modules are the same everywhere. */
async function manifestOf(folder: string, image: Descriptor, depth: number): Promise<readonly Descriptor[]> {
  const path = blobPath(folder, image.digest);
  const document = await json(path, await blob(folder, image.digest));
  if (image.mediaType !== INDEX) return descriptors(path, document, "layers");
  const [first] = descriptors(path, document, "manifests");
  if (first === undefined || depth > 2) throw new Error(`${path} lists no image`);
  return manifestOf(folder, first, depth + 1);
}

async function moduleOf(folder: string, layers: readonly Descriptor[]): Promise<Uint8Array> {
  const layer = layers.find(({ mediaType }) => PLAIN_LAYERS.includes(mediaType)) ?? layers.at(-1);
  if (layer === undefined) throw new Error("the image has no layers");
  const bytes = await blob(folder, layer.digest);
  try {
    return unpack(bytes);
  } catch (error) {
    throw new Error(`the layer ${layer.digest} (${layer.mediaType}) ${(error as Error).message}`, { cause: error });
  }
}

/** Known by its digest, so it is what the image says. */
async function blob(folder: string, digest: string): Promise<Buffer> {
  const bytes = await bounded(blobPath(folder, digest));
  if (`sha256:${sha256Of(bytes)}` !== digest) throw new Error(`${blobPath(folder, digest)} is not what its name says`);
  return bytes;
}

function blobPath(folder: string, digest: string): string {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  if (hex === undefined) throw new Error(`${JSON.stringify(digest)} is no digest by SHA-256`);
  return join(folder, "blobs", "sha256", hex);
}

/** A file that is not larger than a module may be. */
export async function bounded(path: string): Promise<Buffer> {
  const { size } = await stat(path);
  if (size > MAX_BYTES) throw new Error(`${path} is larger than ${MAX_BYTES >> 20} MiB`);
  return readFile(path);
}

async function json(path: string, bytes: Buffer): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told below.
  }
  return Promise.reject(new Error(`${path} is no JSON object`));
}

function descriptors(path: string, document: Readonly<Record<string, unknown>>, field: string): readonly Descriptor[] {
  const list = document[field];
  if (!Array.isArray(list)) throw new Error(`${path} has no ${field}`);
  return (list as readonly Partial<Descriptor>[]).map(({ mediaType = "", digest = "", annotations = {} }) => ({
    mediaType,
    digest,
    annotations,
  }));
}
