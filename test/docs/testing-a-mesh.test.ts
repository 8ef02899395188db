import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { REPOSITORY, run } from "../foreign/build.ts";

// What docs/testing-a-mesh.md says, from an empty folder: its test and its command, as they stand there.

const page = await readFile(join(REPOSITORY, "docs/testing-a-mesh.md"), "utf8");

/** The first block of a language. */
function block(language: string): string {
  return new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "m").exec(page)?.[1] ?? "";
}

test("the page's test passes as it stands there", { timeout: 240_000 }, async (context) => {
  await requireTarget(envoyTarget, context);
  const folder = await mkdtemp(join(tmpdir(), "testing-a-mesh-"));
  try {
    await writeFile(join(folder, "reviews.test.ts"), block("ts"));
    await writeFile(join(folder, "package.json"), JSON.stringify({ name: "reviews", private: true, type: "module" }));
    await mkdir(join(folder, "node_modules"));
    await symlink(REPOSITORY, join(folder, "node_modules/meshwright"));
    await symlink(join(REPOSITORY, "node_modules/vitest"), join(folder, "node_modules/vitest"));
    const vitest = join(REPOSITORY, "node_modules/vitest/vitest.mjs");
    const { VITEST: _, NODE_ENV: __, VITEST_POOL_ID: ___, ...env } = process.env;
    const output = await run(process.execPath, [vitest, "run"], { cwd: folder, env: { ...env, NO_COLOR: "1" } });
    expect(output).toMatch(/Tests {2}4 passed/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
