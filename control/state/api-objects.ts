import { join } from "node:path";
import { readStateFile, writeStateFile, type StateFiles } from "./state-file.ts";

/**
 * The objects of the API in the directory of the state, `api.json`: the only place where they are, so they are on the disk before they count. For their owner alone (mode 0600), as they may be
 * Secrets.
 */
export class ApiObjects {
  private readonly path: string;
  private readonly files: StateFiles | undefined;

  /** @param files Default: Node's */
  constructor(directory: string, files?: StateFiles) {
    this.path = join(directory, "api.json");
    this.files = files;
  }

  /** @throws StateError where what was kept cannot be read */
  read(): ReadonlyMap<string, string> {
    return new Map(readStateFile(this.path)?.map(({ file, text }) => [file, text]));
  }

  write(texts: ReadonlyMap<string, string>): Promise<void> {
    const documents = Array.from(texts, ([file, text]) => ({ file, line: 1, text }));
    return writeStateFile(this.path, documents, this.files);
  }
}
