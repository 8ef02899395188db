import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerRuntimeClient } from "testcontainers";
import { binaryProvider } from "../../envoy/binary.ts";
import { engine } from "../../envoy/container/engine.ts";
import { MeshError } from "../mesh-error.ts";

export type Engine = ContainerRuntimeClient["container"]["dockerode"];
export type Container = ReturnType<Engine["getContainer"]>;
export type Network = ReturnType<Engine["getNetwork"]>;
export type Mount = NonNullable<NonNullable<Parameters<Engine["createContainer"]>[0]["HostConfig"]>["Mounts"]>[number];

/** An image without anything but a folder: what runs in its containers are files of this machine, so that no registry is needed. */
export const IMAGE = "meshwright/empty:1";

/** Why no mesh of containers can run here; undefined where one can. */
export async function containersUnavailable(): Promise<string | undefined> {
  try {
    await meshEngine();
    return binaryProvider.available();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The engine that testcontainers finds. @throws MeshError `unavailable` where there is none, or it has another machine for its containers */
export async function meshEngine(): Promise<Engine> {
  const failed = (reason: string, cause?: unknown) => new MeshError("unavailable", `a mesh of containers: ${reason}`, [], { cause });
  const client = await engine().catch((cause: unknown) => {
    throw failed(cause instanceof Error ? cause.message : String(cause), cause);
  });
  const { dockerode } = client.container;
  const { OperatingSystem: system, SecurityOptions: options } = (await dockerode.info()) as {
    readonly OperatingSystem?: string;
    readonly SecurityOptions?: readonly string[];
  };
  const isLocal = (dockerode.modem as { readonly socketPath?: string }).socketPath !== undefined;
  // Addresses of containers are reached from here, and files of this machine are theirs.
  if (process.platform !== "linux" || !isLocal || system === "Docker Desktop" || options?.includes("name=rootless") === true)
    throw failed('needs an engine of this machine itself (Linux, not rootless, by its socket); use runtime: "process"');
  await provideImage(dockerode).catch((cause: unknown) => {
    throw failed(`no image could be made: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  });
  return dockerode;
}

async function provideImage(dockerode: Engine): Promise<void> {
  const known = await dockerode.listImages({ filters: { reference: [IMAGE] } });
  if (known.length > 0) return;
  const tree = await mkdtemp(join(tmpdir(), "meshwright-image-"));
  try {
    await mkdir(join(tree, "tmp"));
    // What is mounted there takes its mode; that of a new folder depends on the umask.
    await chmod(join(tree, "tmp"), 0o1777);
    const tar = spawn("tar", ["-c", "-C", tree, "."], { stdio: ["ignore", "pipe", "ignore"] });
    const [repo, tag] = IMAGE.split(":");
    const answer = await dockerode.importImage(tar.stdout, { repo, tag });
    answer.resume();
    await once(answer, "end");
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}
