import { LineCounter, parseDocument } from "yaml";
import { CliError, ExitCode } from "../cli-error.ts";
import { decodeUtf8, readInput } from "../read-file.ts";

/**
 * What the filter gets: the bytes of a JSON file as they are, so that the filter's own messages have the right places; a YAML file (`.yaml`,
 * `.yml`) as JSON.
 */
export async function readConfiguration(path: string): Promise<Uint8Array | string> {
  const bytes = await readInput(path, "configuration");
  if (!/\.ya?ml$/i.test(path)) return bytes;
  const lineCounter = new LineCounter();
  const document = parseDocument(decodeUtf8(path, bytes), { lineCounter, uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw new CliError(ExitCode.Input, `${path}:${line}:${col}: not YAML: ${error.message.split("\n")[0] ?? ""}`);
  }
  return JSON.stringify(document.toJS());
}
