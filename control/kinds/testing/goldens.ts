import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Scalar, stringify } from "yaml";
import {
  compareProblems,
  formatProblem,
  type Kind,
  type MeshSettings,
  objectKey,
  type MeshObject,
  type Problem,
} from "../../model/index.ts";
import { readManifests } from "../../model/manifest/read-manifests.ts";
import { Kinds, readObject } from "../../model/objects/index.ts";
import { defaultMeshSettings } from "../mesh-config/index.ts";

/**
 * A test for each `goldens/NAME.yaml` of a kind's folder: what its documents contribute and what is wrong with them stands beside it in `NAME.out.yaml`. `npm run golden` writes these anew.
 *
 * @param folder of the kind, `import.meta.dirname`
 */
export function testGoldens(kind: Kind, folder: string, settings: MeshSettings = defaultMeshSettings): void {
  const goldens = join(folder, "goldens");
  const inputs = readdirSync(goldens).filter((file) => file.endsWith(".yaml") && !file.endsWith(".out.yaml"));
  test.for(inputs)("%s", async (file) => {
    const output = outcome(kind, file, readFileSync(join(goldens, file), "utf8"), settings);
    await expect(output, "run `npm run golden` where this is as it should be").toMatchFileSnapshot(
      join(goldens, file.replace(/\.yaml$/, ".out.yaml")),
    );
  });
}

function outcome(kind: Kind, file: string, content: string, settings: MeshSettings): string {
  const { manifests, problems: ofFile } = readManifests(file, content);
  const problems: Problem[] = [...ofFile];
  const contributions: Record<string, unknown> = {};
  for (const manifest of manifests) {
    const read = readObject(manifest, new Kinds([kind]));
    problems.push(...(manifest.problems ?? []), ...read.problems);
    if (read.object !== undefined) contributions[objectKey(read.object)] = plain(kind.contribute(read.object, settings));
  }
  // As a block, whose quotes no formatter touches.
  const lines = new Scalar(
    problems
      .sort(compareProblems)
      .map((problem) => `${formatProblem(problem)}\n`)
      .join(""),
  );
  lines.type = "BLOCK_LITERAL";
  return stringify({ problems: problems.length === 0 ? [] : lines, contributions }, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Without what is not said, objects by their keys, maps as mappings. */
function plain(value: unknown): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...(value as Map<string, unknown>)].map(([key, entry]) => [String(key), plain(entry)]));
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if ("place" in value && "metadata" in value) return objectKey(value as MeshObject);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, entry]) => entry !== undefined)
      .map(([key, entry]) => [key, plain(entry)]),
  );
}
