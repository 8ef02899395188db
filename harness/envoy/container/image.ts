import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { ContainerRuntimeClient } from "testcontainers";
import { envoyBinary } from "../binary.ts";
import { EnvoyError } from "../errors.ts";
import { RELEASES, wantedVersion } from "../release/index.mjs";
import { engine, loadTestcontainers } from "./engine.ts";

/** Where the official image keeps Envoy, and ours too. */
export const ENVOY_PATH = "/usr/local/bin/envoy";

let chosen: Promise<string> | undefined;

/**
 * The image to run: `MESHWRIGHT_ENVOY_IMAGE`, else the official one of the wanted version, which is pulled where it is missing. Where no
 * registry can be reached, one made of this machine's Envoy binary and the libraries that it loads. Rejects with `unavailable`.
 */
export function envoyImage(): Promise<string> {
  return (chosen ??= choose());
}

async function choose(): Promise<string> {
  const own = process.env["MESHWRIGHT_ENVOY_IMAGE"];
  const client = await engine();
  if (own !== undefined && own !== "") return ownImage(client, own);
  const version = RELEASES[wantedVersion(process.env)]?.version ?? "";
  const official = `envoyproxy/envoy:v${version}`;
  if (await exists(client, official)) return official;
  const pulled = await pull(client, official);
  if (pulled === undefined) return official;
  const { path, version: found } = await envoyBinary().catch((cause: unknown) => {
    throw new EnvoyError("unavailable", `${official} cannot be pulled (${pulled}), and there is no Envoy binary to make an image of`, [], {
      cause,
    });
  });
  const local = `meshwright/envoy:${found}`;
  if (!(await exists(client, local))) await importImage(client, path, local);
  return local;
}

/** Pulled where it is missing. */
async function ownImage(client: ContainerRuntimeClient, image: string): Promise<string> {
  const reason = (await exists(client, image)) ? undefined : await pull(client, image);
  if (reason === undefined) return image;
  throw new EnvoyError(
    "unavailable",
    `the image ${image} of MESHWRIGHT_ENVOY_IMAGE is not on this machine and cannot be pulled (${reason}): build it, or unset the variable`,
  );
}

async function exists(client: ContainerRuntimeClient, image: string): Promise<boolean> {
  const { ImageName } = await loadTestcontainers();
  return client.image.exists(ImageName.fromString(image));
}

/** The reason why an image cannot be pulled; `undefined` where it was. */
async function pull(client: ContainerRuntimeClient, image: string): Promise<string | undefined> {
  const { ImageName } = await loadTestcontainers();
  try {
    await client.image.pull(ImageName.fromString(image));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** `docker import` of a tree that holds the binary and its libraries, each where the binary looks for it. */
async function importImage(client: ContainerRuntimeClient, binary: string, image: string): Promise<void> {
  if (process.platform !== "linux") throw new EnvoyError("unavailable", "only on Linux can an image be made of this machine's Envoy");
  const tree = await mkdtemp(join(tmpdir(), "meshwright-image-"));
  try {
    // Links, which tar follows.
    await mkdir(join(tree, dirname(ENVOY_PATH)), { recursive: true });
    await mkdir(join(tree, "tmp"));
    await symlink(binary, join(tree, ENVOY_PATH));
    for (const library of await librariesOf(binary)) {
      await mkdir(join(tree, dirname(library)), { recursive: true });
      await symlink(library, join(tree, library));
    }
    const tar = spawn("tar", ["-c", "-h", "-C", tree, "."], { stdio: ["ignore", "pipe", "ignore"] });
    const [repo, tag] = image.split(":");
    const answer = await client.container.dockerode.importImage(tar.stdout, { repo, tag });
    answer.resume();
    await once(answer, "end");
  } catch (cause) {
    throw new EnvoyError(
      "unavailable",
      `no image could be made of ${binary}: ${cause instanceof Error ? cause.message : String(cause)}`,
      [],
      {
        cause,
      },
    );
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

/** Absolute paths of what the dynamic linker loads, itself included. */
async function librariesOf(binary: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)("ldd", [binary]);
  return [...stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map((match) => match[1] ?? "");
}
