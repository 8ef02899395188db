import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, open, rm, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { pipeline } from "node:stream/promises";
import { EnvoyReleaseError } from "./errors.mjs";

const ATTEMPTS = 5;
/** Milliseconds without a byte after which a connection counts as dead. */
const STALLED = 30_000;

/**
 * @typedef {object} DownloadOptions
 * @property {(received: number, total: number | undefined) => void} [onProgress] bytes, those of earlier runs included
 * @property {number} [stalledAfter] milliseconds without a byte until the connection is given up. Default: 30,000
 * @property {number} [pause] milliseconds before the second attempt, doubled for each later one. Default: 500
 */

/**
 * Fetches `url` (`https:`, `http:` or `file:`) into `target`. What an interrupted run left there is continued with a range request; a connection that
 * breaks or stalls is tried again, up to 5 times in a row without progress. Afterwards the file has the digest `sha256`.
 *
 * @param {string} url
 * @param {string} target path of the partial and then whole file; nobody else writes it meanwhile
 * @param {string} sha256 hexadecimal
 * @param {DownloadOptions} [options]
 * @throws {EnvoyReleaseError} `download`: it cannot be fetched, `target` keeps what came; `corrupt`: the digest is another, `target` is gone
 */
export async function download(url, target, sha256, options = {}) {
  if (url.startsWith("file:")) await copyFile(fileURLToPath(url), target);
  else await fetchRest(url, target, options);
  if ((await digest(target)) === sha256) return;
  // A partial file from elsewhere, or from a server that changed its mind in the middle, is worth one whole transfer.
  if (!url.startsWith("file:")) {
    await rm(target, { force: true });
    await fetchRest(url, target, options);
  }
  const found = await digest(target);
  if (found === sha256) return;
  await rm(target, { force: true });
  throw new EnvoyReleaseError(
    "corrupt",
    `${url} has the sha256 ${found} instead of ${sha256}: it is not the file that is pinned, and was thrown away`,
  );
}

/**
 * @param {string} path
 * @returns {Promise<string>} hexadecimal sha256
 */
export async function digest(path) {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

/**
 * @param {string} url
 * @param {string} target
 * @param {DownloadOptions} options
 */
async function fetchRest(url, target, options) {
  for (let attempt = 1; ;) {
    const before = await sizeOf(target);
    try {
      await fetchOnce(url, target, before, options);
      return;
    } catch (error) {
      if (error instanceof EnvoyReleaseError) throw error;
      attempt = (await sizeOf(target)) > before ? 1 : attempt + 1;
      if (attempt > ATTEMPTS) throw new EnvoyReleaseError("download", `${url} cannot be fetched: ${reason(error)}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, (options.pause ?? 500) * 2 ** (attempt - 1)));
    }
  }
}

/**
 * @param {string} url
 * @param {string} target
 * @param {number} offset
 * @param {DownloadOptions} options
 */
async function fetchOnce(url, target, offset, options) {
  const stalled = new AbortController();
  const stall = () => stalled.abort(new Error(`no data for ${(options.stalledAfter ?? STALLED) / 1000} s`));
  let timer = setTimeout(stall, options.stalledAfter ?? STALLED);
  try {
    // Without `identity` a server may compress, and then offsets mean something else.
    const headers = { "accept-encoding": "identity", ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) };
    const response = await fetch(url, { headers, signal: stalled.signal });
    if (response.status === 416) {
      // Nothing after `offset`: the file is whole already, or longer than it should be. The digest tells.
      await response.body?.cancel();
      return;
    }
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      const error = `the server answered ${response.status} ${response.statusText}`;
      if (response.status >= 500 || response.status === 429) throw new Error(error);
      throw new EnvoyReleaseError("download", `${url} cannot be fetched: ${error}`);
    }
    const resumed = response.status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${offset}-`) === true;
    const length = response.headers.get("content-length");
    let received = resumed ? offset : 0;
    const total = length === null ? undefined : received + Number(length);
    const file = await open(target, resumed ? "a" : "w");
    try {
      for await (const chunk of response.body) {
        clearTimeout(timer);
        timer = setTimeout(stall, options.stalledAfter ?? STALLED);
        await file.write(chunk);
        received += chunk.length;
        options.onProgress?.(received, total);
      }
    } finally {
      await file.close();
    }
    if (total !== undefined && received < total) throw new Error(`the connection ended after ${received} of ${total} bytes`);
  } finally {
    clearTimeout(timer);
  }
}

/** @param {string} path */
async function sizeOf(path) {
  return stat(path).then(
    (found) => found.size,
    () => 0,
  );
}

/** @param {unknown} error */
function reason(error) {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
