import { open } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { PassThrough } from "node:stream";
import { createInflateRaw } from "node:zlib";

// Layout after the ZIP application note (APPNOTE 6.3.10): 4.3.12 central directory, 4.3.16 end of central directory, 4.3.7 local header.
// No ZIP64: a wheel of 4 GiB would be something else than Envoy's.
const END_OF_DIRECTORY = 0x06054b50;
const END_OF_DIRECTORY_SIZE = 22;
const LONGEST_COMMENT = 0xffff;
const DIRECTORY_ENTRY = 0x02014b50;
const DIRECTORY_ENTRY_SIZE = 46;
const LOCAL_HEADER = 0x04034b50;
const LOCAL_HEADER_SIZE = 30;
const STORED = 0;
const DEFLATED = 8;

/**
 * Writes one entry of a ZIP file to `target`, which is overwritten.
 *
 * @param {string} archive path
 * @param {string} name the entry's full name
 * @param {string} target path
 * @returns {Promise<void>}
 * @throws {Error} where the archive is none, is cut short, or has no such entry
 */
export async function unzipEntry(archive, name, target) {
  const file = await open(archive, "r");
  try {
    const { size } = await file.stat();
    const entry = findEntry(await readDirectory(file, size, archive), name, archive);
    const header = await readAt(file, entry.offset, LOCAL_HEADER_SIZE, archive);
    if (header.readUInt32LE(0) !== LOCAL_HEADER) throw new Error(`${archive} has no local header at offset ${entry.offset}: it is damaged`);
    const start = entry.offset + LOCAL_HEADER_SIZE + header.readUInt16LE(26) + header.readUInt16LE(28);
    if (start + entry.compressedSize > size) throw new Error(`${archive} ends before its entry ${name} does: it is cut short`);
    const packed = file.createReadStream({ start, end: start + entry.compressedSize - 1, autoClose: false });
    const output = createWriteStream(target);
    await pipeline(packed, entry.method === DEFLATED ? createInflateRaw() : new PassThrough(), output);
    if (output.bytesWritten !== entry.size) {
      throw new Error(`${name} in ${archive} has ${output.bytesWritten} bytes instead of ${entry.size}: it is damaged`);
    }
  } finally {
    await file.close();
  }
}

/**
 * @param {import("node:fs/promises").FileHandle} file
 * @param {number} size
 * @param {string} archive
 */
async function readDirectory(file, size, archive) {
  const tailSize = Math.min(size, END_OF_DIRECTORY_SIZE + LONGEST_COMMENT);
  const tail = await readAt(file, size - tailSize, tailSize, archive);
  for (let at = tail.length - END_OF_DIRECTORY_SIZE; at >= 0; at--) {
    if (tail.readUInt32LE(at) === END_OF_DIRECTORY) return readAt(file, tail.readUInt32LE(at + 16), tail.readUInt32LE(at + 12), archive);
  }
  throw new Error(`${archive} is no ZIP file: it has no end of central directory`);
}

/**
 * @param {Buffer} directory
 * @param {string} name
 * @param {string} archive
 */
function findEntry(directory, name, archive) {
  for (let at = 0; at + DIRECTORY_ENTRY_SIZE <= directory.length && directory.readUInt32LE(at) === DIRECTORY_ENTRY;) {
    const nameLength = directory.readUInt16LE(at + 28);
    const entryName = directory.toString("utf8", at + DIRECTORY_ENTRY_SIZE, at + DIRECTORY_ENTRY_SIZE + nameLength);
    if (entryName === name) {
      const method = directory.readUInt16LE(at + 10);
      if (method !== STORED && method !== DEFLATED) throw new Error(`${name} in ${archive} is packed with the unknown method ${method}`);
      return {
        method,
        compressedSize: directory.readUInt32LE(at + 20),
        size: directory.readUInt32LE(at + 24),
        offset: directory.readUInt32LE(at + 42),
      };
    }
    at += DIRECTORY_ENTRY_SIZE + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  throw new Error(`${archive} has no entry ${name}`);
}

/**
 * @param {import("node:fs/promises").FileHandle} file
 * @param {number} offset
 * @param {number} length
 * @param {string} archive
 */
async function readAt(file, offset, length, archive) {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, offset);
  if (bytesRead < length) throw new Error(`${archive} ends at offset ${offset + bytesRead}, in the middle of a header: it is cut short`);
  return buffer;
}
