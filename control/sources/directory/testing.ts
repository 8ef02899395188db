import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** A directory of one test. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "meshwright-source-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Writes files as careful programs do: beside, then renamed over. */
export async function writeFiles(directory: string, files: Readonly<Record<string, string | undefined>>): Promise<void> {
  for (const [file, text] of Object.entries(files)) {
    const path = join(directory, file);
    await mkdir(dirname(path), { recursive: true });
    if (text === undefined) await rm(path, { force: true });
    else {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    }
  }
}
