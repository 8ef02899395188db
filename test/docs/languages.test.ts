import { copyFile, cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import "../../harness/matchers/vitest.ts";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { inProcessTarget } from "../../harness/host/target/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { assemblyScript } from "../foreign/assemblyscript.ts";
import { type Recipe, REPOSITORY, run } from "../foreign/build.ts";
import { clang } from "../foreign/c.ts";
import { go } from "../foreign/go.ts";

// The pages for authors in other languages: their filter, built with their commands, does what they say in the host and in Envoy.

interface Page {
  readonly page: string;
  readonly file: string;
  readonly toolchain: Recipe["toolchain"];
  /** Commands that fetch something, in whose place stands what this repository has of it. */
  readonly fetched: RegExp;
  prepare(folder: string): Promise<void>;
  /** A command of the page, with what was prepared. */
  rewrite(command: string): string;
}

const SHIM = "--config node_modules/@assemblyscript/wasi-shim/asconfig.json";

const PAGES: readonly Page[] = [
  { page: "c", file: "hello.c", toolchain: clang, fetched: /^$/, prepare: async () => undefined, rewrite: (command) => command },
  {
    page: "go",
    file: "main.go",
    toolchain: go.toolchain,
    fetched: /^go (mod init|get) /,
    async prepare(folder) {
      for (const file of ["go.mod", "go.sum"]) await copyFile(join(REPOSITORY, "test/foreign/go", file), join(folder, file));
    },
    rewrite: (command) => command,
  },
  {
    page: "assemblyscript",
    file: "index.ts",
    toolchain: assemblyScript.toolchain,
    fetched: /^npm install /,
    async prepare(folder) {
      await symlink(join(REPOSITORY, "node_modules"), join(folder, "node_modules"));
      await cp(join(REPOSITORY, "test/foreign/assemblyscript/lib"), join(folder, "lib"), { recursive: true });
    },
    rewrite: (command) => command.replace(SHIM, "--config none --lib lib --use process=wasi_process"),
  },
];

describe.each(PAGES)("the page of $page", ({ page, file, toolchain, fetched, prepare, rewrite }) => {
  test("its filter, built as it says, answers as it says", { timeout: 240_000 }, async (context) => {
    await requireTarget(envoyTarget, context);
    const found = await toolchain.find();
    if (found === undefined) return context.skip(`${page}: this machine has no ${toolchain.needs}`);
    const text = await readFile(join(REPOSITORY, `docs/languages/${page}.md`), "utf8");
    const blocks = [...text.matchAll(/^```(\w+)\n([^]*?)^```/gm)].map(([, language, block = ""]) => ({ language, block }));
    const folder = await mkdtemp(join(tmpdir(), `language-${page}-`));
    context.onTestFinished(() => rm(folder, { recursive: true, force: true }));
    expect(text).toContain(`\n\`${file}\`:\n`);
    await writeFile(join(folder, file), blocks[0]?.block ?? "");
    await prepare(folder);

    const [build = "", look = ""] = blocks.flatMap(({ language, block }) => (language === "sh" ? [block] : []));
    const { VITEST: _, NODE_ENV: __, ...rest } = process.env;
    const env = {
      ...rest,
      NO_COLOR: "1",
      GOFLAGS: "-mod=readonly",
      GOTOOLCHAIN: "local",
      PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
    };
    const shell = (command: string) => run("sh", ["-c", command], { cwd: folder, env });
    for (const command of build.trim().split("\n")) if (!fetched.test(command)) await shell(rewrite(command));
    const meshwright = `${JSON.stringify(process.execPath)} ${JSON.stringify(join(REPOSITORY, "cli/main.ts"))}`;
    const [tried = "", inspected = ""] = await Promise.all(
      look
        .trim()
        .split("\n")
        .map((command) => shell(command.replace("npx meshwright", meshwright))),
    );
    expect(
      tried
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { status: number }).status),
    ).toEqual([403, 200]);
    expect(inspected).toContain("loads          yes");

    const chain = { filters: [{ name: "hello", module: join(folder, "hello.wasm") }] };
    for (const target of [inProcessTarget, envoyTarget]) {
      await using running = await target.start(chain);
      const [refused, forwarded] = [await running.send({ path: "/admin" }), await running.send({ path: "/" })];
      expect(refused).toRespondWith(403, { body: "not here", headers: { "x-hello": "no" } });
      expect(forwarded).toSendHeader("x-hello", page);
      await expect(running).toHaveLogged("nobody may see /admin");
    }
  });
});
