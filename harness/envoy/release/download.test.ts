import { fork } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { download } from "./download.mjs";
import { EnvoyReleaseError } from "./errors.mjs";

const CONTENT = randomBytes(300_000);
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");

let folder: string;
let target: string;
const cleanups: Array<() => unknown> = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-download-"));
  target = join(folder, "wheel");
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Answer = (response: ServerResponse, offset: number) => void;

/** Serves with `answers` in turn, the last of them for good. */
async function serve(...answers: Answer[]) {
  const ranges: Array<string | undefined> = [];
  const server = createServer((request: IncomingMessage, response) => {
    const range = request.headers.range;
    ranges.push(range);
    (answers[ranges.length - 1] ?? answers.at(-1))?.(response, Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/wheel`, ranges };
}

function head(response: ServerResponse, offset: number): void {
  const partial = offset > 0 ? { "content-range": `bytes ${offset}-${CONTENT.length - 1}/${CONTENT.length}` } : {};
  response.writeHead(offset > 0 ? 206 : 200, { "content-length": CONTENT.length - offset, ...partial });
}

const whole: Answer = (response, offset) => {
  if (offset >= CONTENT.length) {
    response.writeHead(416).end();
    return;
  }
  head(response, offset);
  response.end(CONTENT.subarray(offset));
};
const withoutRanges: Answer = (response) => whole(response, 0);
const cutAfter =
  (length: number): Answer =>
  (response, offset) => {
    head(response, offset);
    response.write(CONTENT.subarray(offset, offset + length), () => setTimeout(() => response.destroy(), 50));
  };
const stalling: Answer = (response, offset) => {
  head(response, offset);
  response.write(CONTENT.subarray(offset, offset + 1_000));
};
const failing =
  (status: number): Answer =>
  (response) =>
    void response.writeHead(status).end();

test("a file arrives whole, and its progress ends at its size", async () => {
  const { url } = await serve(whole);
  const progress: Array<[number, number | undefined]> = [];
  await download(url, target, SHA256, { onProgress: (received, total) => void progress.push([received, total]) });
  expect(await readFile(target)).toEqual(CONTENT);
  expect(progress.at(-1)).toEqual([CONTENT.length, CONTENT.length]);
});

test("what an earlier run left is continued, and counts as received", async () => {
  const { url, ranges } = await serve(whole);
  await writeFile(target, CONTENT.subarray(0, 100_000));
  const received: number[] = [];
  await download(url, target, SHA256, { onProgress: (bytes) => void received.push(bytes) });
  expect(await readFile(target)).toEqual(CONTENT);
  expect(ranges).toEqual(["bytes=100000-"]);
  expect(received[0]).toBeGreaterThan(100_000);
});

test("a file that is there already is not sent again", async () => {
  const { url, ranges } = await serve(whole);
  await writeFile(target, CONTENT);
  await download(url, target, SHA256);
  expect(ranges).toEqual([`bytes=${CONTENT.length}-`]);
});

test("a server without ranges sends everything again", async () => {
  const { url } = await serve(withoutRanges);
  await writeFile(target, CONTENT.subarray(0, 100_000));
  await download(url, target, SHA256);
  expect(await readFile(target)).toEqual(CONTENT);
});

test("a connection that breaks again and again is continued as long as bytes come", async () => {
  const { url, ranges } = await serve(...Array.from({ length: 7 }, () => cutAfter(40_000)), whole);
  await download(url, target, SHA256, { pause: 1 });
  expect(await readFile(target)).toEqual(CONTENT);
  expect(ranges.length).toBeGreaterThan(6);
});

test("a connection that stalls is given up and continued", async () => {
  const { url, ranges } = await serve(stalling, whole);
  await download(url, target, SHA256, { pause: 1, stalledAfter: 100 });
  expect(await readFile(target)).toEqual(CONTENT);
  expect(ranges).toEqual([undefined, "bytes=1000-"]);
});

test("a damaged beginning costs one whole transfer", async () => {
  const { url, ranges } = await serve(whole);
  await writeFile(target, randomBytes(100_000));
  await download(url, target, SHA256);
  expect(await readFile(target)).toEqual(CONTENT);
  expect(ranges).toEqual(["bytes=100000-", undefined]);
});

test("another file than the pinned one is refused and thrown away", async () => {
  const { url } = await serve(whole);
  const error = await download(url, target, "0".repeat(64)).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(EnvoyReleaseError);
  expect(error).toMatchObject({ code: "corrupt", message: expect.stringContaining(SHA256) });
  await expect(stat(target)).rejects.toThrow("ENOENT");
});

test("a missing file is reported at once, a failing server after five attempts", async () => {
  const missing = await serve(failing(404));
  await expect(download(missing.url, target, SHA256)).rejects.toMatchObject({ code: "download", message: expect.stringContaining("404") });
  expect(missing.ranges.length).toBe(1);
  const broken = await serve(failing(503));
  await expect(download(broken.url, target, SHA256, { pause: 1 })).rejects.toMatchObject({ code: "download" });
  expect(broken.ranges.length).toBe(5);
});

test("a folder of wheels serves by file: URLs", async () => {
  const source = join(folder, "source");
  await writeFile(source, CONTENT);
  await download(pathToFileURL(source).href, target, SHA256);
  expect(await readFile(target)).toEqual(CONTENT);
});

test("a run that is killed in the middle is continued by the next", async () => {
  const { url, ranges } = await serve((response) => {
    head(response, 0);
    response.write(CONTENT.subarray(0, 200_000));
  }, whole);
  const script = join(folder, "run.mjs");
  const module = new URL("download.mjs", import.meta.url).href;
  await writeFile(
    script,
    `import { download } from ${JSON.stringify(module)};
     await download(process.argv[2], process.argv[3], process.argv[4], { onProgress: (bytes) => process.send(bytes) });`,
  );
  const child = fork(script, [url, target, SHA256]);
  await new Promise<void>((resolve) => {
    child.on("message", (bytes) => {
      if (bytes === 200_000) resolve();
    });
  });
  child.kill("SIGKILL");
  await once(child, "close");
  await download(url, target, SHA256);
  expect(await readFile(target)).toEqual(CONTENT);
  expect(ranges).toEqual([undefined, "bytes=200000-"]);
});
