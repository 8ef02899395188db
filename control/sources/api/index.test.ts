import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { SourceChange } from "../../model/index.ts";
import { ApiObjects } from "../../state/api-objects.ts";
import { describeSource } from "../testing/contract.ts";
import { ApiSource } from "./index.ts";

describeSource("api", () => {
  const source = new ApiSource();
  return Promise.resolve({ source, write: (files) => source.apply(new Map(Object.entries(files))), name: (file) => file });
});

describe("objects of the API", () => {
  const directory = () => mkdtemp(join(tmpdir(), "meshwright-api-"));
  const started = async (store: ApiObjects) => {
    const changes: SourceChange[] = [];
    const source = new ApiSource(store);
    await source.start((change) => changes.push(change));
    return { source, changes };
  };

  test("are there after a restart, without a moment to write them", async () => {
    const store = new ApiObjects(await directory());
    const { source } = await started(store);
    await source.apply(
      new Map([
        ["api/a.yaml", "name: a\n"],
        ["api/b.yaml", "name: b\n"],
      ]),
    );
    await source.apply(new Map([["api/a.yaml", undefined]]));
    const { changes } = await started(store);
    expect(changes.map(({ complete, files }) => [complete, files.map(({ file }) => file)])).toEqual([[true, ["api/b.yaml"]]]);
  });

  test("do not count where they cannot be kept", async () => {
    const full: ApiObjects = Object.assign(new ApiObjects(await directory()), { write: () => Promise.reject(new Error("ENOSPC")) });
    const { source, changes } = await started(full);
    await expect(source.apply(new Map([["api/a.yaml", "name: a\n"]]))).rejects.toThrow("ENOSPC");
    expect([changes.length, source.has("api/a.yaml")]).toEqual([1, false]);
  });

  test("that cannot be read stay as they were known, and are not written over", async () => {
    const folder = await directory();
    const store = new ApiObjects(folder);
    await (await started(store)).source.apply(new Map([["api/a.yaml", "name: a\n"]]));
    const damaged = `${(await readFile(join(folder, "api.json"), "utf8")).slice(0, -5)}]`;
    await writeFile(join(folder, "api.json"), damaged);
    const { source, changes } = await started(store);
    expect(changes[0]?.files).toEqual([
      { file: "api", manifests: undefined, problems: [expect.objectContaining({ level: "error" })], broken: true },
    ]);
    await expect(source.apply(new Map([["api/b.yaml", "name: b\n"]]))).rejects.toThrow("damaged");
    expect(await readFile(join(folder, "api.json"), "utf8")).toBe(damaged);
  });
});
