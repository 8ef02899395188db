import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { makeFolder } from "../../../harness/make-folder.ts";
import type { StateFiles } from "../index.ts";

/** What a file system may refuse; `write` of a file is refused half-way. */
export type Operation = "mkdir" | "open" | "write" | "sync" | "rename";

/** Node's, but for one operation, which fails with this code for as long as `fails` says so. */
export function failingFiles(code: string, operation: Operation, fails: () => boolean): StateFiles {
  const attempt = (each: Operation) => {
    if (each === operation && fails()) throw Object.assign(new Error(`${code}: refused, ${each}`), { code });
  };
  return {
    rm,
    makeFolder(path, mode) {
      attempt("mkdir");
      makeFolder(path, mode);
    },
    async open(path, flags, mode) {
      attempt("open");
      const file = await open(path, flags, mode);
      const whole = file.writeFile.bind(file);
      const sync = file.sync.bind(file);
      return Object.assign<FileHandle, Pick<FileHandle, "writeFile" | "sync">>(file, {
        async writeFile(data) {
          if (typeof data === "string") await whole(data.slice(0, data.length / 2));
          attempt("write");
          if (typeof data === "string") await whole(data.slice(data.length / 2));
        },
        async sync() {
          attempt("sync");
          await sync();
        },
      });
    },
    async rename(from, to) {
      attempt("rename");
      await rename(from, to);
    },
  };
}
