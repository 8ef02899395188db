import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ModuleRequest } from "../model/index.ts";
import { bounded, indexOf, readLayout } from "./oci-layout.ts";
import { MAX_BYTES, sha256Of, unpack } from "./unpack.ts";

/** Of a file or an image on disk: which file changes where the module does; undefined for what is fetched. */
export function watchedFile({ url }: ModuleRequest): string | undefined {
  const place = placeOf(url);
  return place === undefined ? undefined : url.startsWith("file:") ? place.path : indexOf(place.path);
}

/** The module that a request asks for. @throws Error that says what is wrong */
export async function readModule(request: ModuleRequest, fetching: typeof fetch, signal: AbortSignal): Promise<Uint8Array> {
  const { url, sha256 } = request;
  const place = placeOf(url);
  if (place === undefined) return checked(unpackedFrom(url, await download(url, fetching, signal)), sha256);
  const { path, tag, digest } = place;
  if (!url.startsWith("file:")) return readLayout(path, tag, sha256 ?? digest);
  return (await isLayout(path)) ? readLayout(path, undefined, sha256) : checked(unpackedFrom(path, await bounded(path)), sha256);
}

/** The path of a `file` or an `oci-layout`, whose image may be named by `:TAG` and `@sha256:DIGEST`. */
function placeOf(
  url: string,
): { readonly path: string; readonly tag: string | undefined; readonly digest: string | undefined } | undefined {
  const path = /^file:\/\/(\/.*)$/.exec(url)?.[1];
  if (path !== undefined) return { path, tag: undefined, digest: undefined };
  const [, folder, tag, digest] = /^oci-layout:\/\/(\/.*?)(?::([^/:@]+))?(?:@sha256:([0-9a-f]{64}))?$/.exec(url) ?? [];
  return folder === undefined ? undefined : { path: folder, tag, digest };
}

async function isLayout(path: string): Promise<boolean> {
  return (await stat(path)).isDirectory() && (await stat(join(path, "oci-layout"))).isFile();
}

function unpackedFrom(place: string, bytes: Uint8Array): Uint8Array {
  try {
    return unpack(bytes);
  } catch (error) {
    throw new Error(`${place} ${(error as Error).message}`, { cause: error });
  }
}

function checked(module: Uint8Array, sha256: string | undefined): Uint8Array {
  const found = sha256Of(module);
  if (sha256 !== undefined && found !== sha256) throw new Error(`the SHA-256 of the module is ${found}, and sha256 says ${sha256}`);
  return module;
}

/** Never more than a module may be, whatever the server says of its length. */
async function download(url: string, fetching: typeof fetch, signal: AbortSignal): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetching(url, { signal, redirect: "follow", credentials: "omit" });
  } catch (error) {
    const { cause } = error as Error;
    throw new Error(`cannot be fetched: ${cause instanceof Error ? cause.message : (error as Error).message}`, { cause: error });
  }
  if (!response.ok || response.body === null) throw new Error(`cannot be fetched: the server answers ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new Error(`is larger than ${MAX_BYTES >> 20} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
