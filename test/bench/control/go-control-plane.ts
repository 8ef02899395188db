import { createHash } from "node:crypto";
import { mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { exists, REPOSITORY, run, version } from "../../foreign/build.ts";

const SOURCE = join(REPOSITORY, "test/bench/control/go-control-plane");
const CACHE = join(REPOSITORY, ".cache/bench");
/** What `go.mod` asks for. */
const OLDEST_MINOR = 24;

/** The program, or the sentence that says why there is none. */
export type Built = { readonly program: string } | { readonly missing: string };

/** Builds the snapshot server from its modules, which Go fetches, when its source or the compiler changed. */
export async function buildGoControlPlane(): Promise<Built> {
  const compiler = await version("go", ["version"]);
  const minor = Number(/go1\.(\d+)/.exec(compiler ?? "")?.[1] ?? 0);
  if (compiler === undefined || minor < OLDEST_MINOR)
    return { missing: `go-control-plane: this machine has no go 1.${OLDEST_MINOR} or newer` };
  const digest = createHash("sha256").update(compiler);
  for (const file of ["go.mod", "go.sum", "main.go"]) digest.update(await readFile(join(SOURCE, file)));
  const program = join(CACHE, `go-control-plane-${digest.digest("hex").slice(0, 16)}`);
  if (await exists(program)) return { program };
  await mkdir(CACHE, { recursive: true });
  const draft = `${program}.${process.pid}`;
  const env = { ...process.env, GOFLAGS: "-mod=readonly -buildvcs=false", GOTOOLCHAIN: "local", CGO_ENABLED: "0" };
  try {
    await run("go", ["build", "-trimpath", "-ldflags=-s -w", "-o", draft, "."], { cwd: SOURCE, env });
  } catch (error) {
    return { missing: `go-control-plane: ${(error as Error).message.split("\n").slice(0, 3).join(" ")}` };
  }
  await rename(draft, program);
  return { program };
}
