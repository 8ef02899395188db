import { open } from "node:fs/promises";
import { CliError, ExitCode } from "./cli-error.ts";

/** Bytes: what is read whole may be no larger. A device may never end. */
const LARGEST = 256 * 1024 ** 2;

/** The bytes of a file that the user named; `-` is standard input. */
export async function readInput(path: string, what: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of await openInput(path, what)) {
      size += chunk.length;
      if (size > LARGEST) throw new Error(`it is longer than ${LARGEST} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof CliError ? error : unreadable(path, what, error);
  }
  return Buffer.concat(chunks);
}

/** The same, in chunks as they are asked for: a file may be larger than memory. What cannot be opened, or is a directory, rejects at once. */
export async function openInput(path: string, what: string): Promise<AsyncIterable<Uint8Array>> {
  if (path === "-") return process.stdin;
  try {
    const file = await open(path);
    if (!(await file.stat()).isDirectory()) return file.createReadStream({ highWaterMark: 1 << 18 });
    await file.close();
  } catch (error) {
    throw unreadable(path, what, error);
  }
  throw unreadable(path, what, Object.assign(new Error(), { code: "EISDIR" }));
}

function unreadable(path: string, what: string, error: unknown): CliError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const reason =
    code === "ENOENT"
      ? "there is no such file"
      : code === "EISDIR"
        ? "it is a directory; name a file"
        : error instanceof Error
          ? error.message
          : String(error);
  return new CliError(ExitCode.Input, `${path}: cannot read the ${what}: ${reason}`, { cause: error });
}

/** Text in UTF-8, or an error with the offset of the first byte that is none. */
export function decodeUtf8(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    const text = new TextDecoder("utf-8").decode(bytes);
    const before = text.slice(0, Math.max(0, text.indexOf("\ufffd"))).split("\n");
    throw new CliError(ExitCode.Input, `${path}:${before.length}:${(before.at(-1) ?? "").length + 1}: not UTF-8`, { cause: error });
  }
}
