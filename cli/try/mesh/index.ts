import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Proxy } from "../../../control/model/proxy.ts";
import { binaryProvider } from "../../../harness/envoy/index.ts";
import type { Direction } from "./aim.ts";
import { privateBootstrap } from "./bootstrap.ts";
import { EarlyPort } from "./early-port.ts";
import type { RunningMesh } from "./running-mesh.ts";
import type { Callouts } from "./scripted-server.ts";

export interface MeshOptions {
  /** Files and directories with the objects of the mesh. */
  readonly files: readonly string[];
  readonly meshConfig?: string;
  readonly proxy: Proxy;
  /** Of a sidecar. Default: `outbound`. */
  readonly direction?: Direction;
  /** What clusters answer that filters call. */
  readonly callouts: Callouts;
}

export interface StartedMesh {
  /** Disposing of it ends everything. */
  readonly target: RunningMesh;
  /** Errors of objects, and resources that Envoy does not take: the rest runs without them, as in a mesh. */
  readonly errors: readonly string[];
}

/**
 * Runs a private Envoy with what a proxy would get of a mesh. Envoy starts while the control service is loaded and the mesh is read: each takes about as long.
 *
 * Rejects with a `CliError` where files are not there or the proxy's metadata is wrong, and with an `EnvoyError` where Envoy does not start.
 */
export async function startMesh(options: MeshOptions): Promise<StartedMesh> {
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "meshwright-try-"));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const early = resources.use(await EarlyPort.open());
  const bootstrap = privateBootstrap(options.proxy, early.port);
  const starting = binaryProvider.start(bootstrap, { componentLogLevels: { wasm: "debug", lua: "info" } });
  const ended = starting.catch(() => undefined);

  const { PrivateControl, prepareMesh } = await import("./prepare.ts");
  const control = resources.use(await PrivateControl.start());
  early.handTo(control.port);
  resources.defer(async () => {
    // One that has got nothing yet would wait for it until its time is up.
    control.serveNothing();
    await (await ended)?.[Symbol.asyncDispose]();
  });
  const { run, problems } = await prepareMesh(options, folder, control, resources);
  const envoy = await starting;
  const errors = [
    ...problems,
    ...control.refusals().map(({ type, name, reason }) => `error: Envoy does not take the ${type} ${name}: ${reason}`),
  ];
  return { target: run(envoy, resources.move()), errors };
}
