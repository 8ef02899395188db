import { binaryProvider, EnvoyError } from "../../../harness/envoy/index.ts";
import { CliError, ExitCode } from "../../cli-error.ts";
import { privateBootstrap } from "./bootstrap.ts";
import { EarlyPort } from "./early-port.ts";
import type { MeshOptions } from "./options.ts";
import type { RunningMesh } from "./running-mesh.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

/** Milliseconds for Envoy to be ready, which it is not before the mesh is read: a large one takes its time. */
const START_TIMEOUT = 120_000;

export interface StartedMesh {
  /** Disposing of it ends everything. */
  readonly target: RunningMesh;
  /** Errors of objects, and resources that Envoy does not take: the rest runs without them, as in a mesh. */
  readonly errors: readonly string[];
}

/**
 * Runs a private Envoy with what a proxy would get of a mesh. Envoy starts while the control service is loaded and the mesh is read: each takes about as long.
 *
 * Rejects with a `CliError` where files are not there, the proxy's metadata is wrong, or Envoy does not start.
 */
export async function startMesh(options: MeshOptions): Promise<StartedMesh> {
  await using resources = new AsyncDisposableStack();
  const { path: folder } = resources.use(await TemporaryFolder.make("meshwright-try-"));
  const early = resources.use(await EarlyPort.open());
  const bootstrap = privateBootstrap(options.proxy, early.port);
  const starting = binaryProvider.start(bootstrap, { componentLogLevels: { wasm: "debug", lua: "info" }, startTimeout: START_TIMEOUT });
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
  const envoy = await starting.catch((error: unknown) => {
    const { code, message, logs } = EnvoyError.from(error);
    const lines = [message, ...logs.filter((line) => !message.includes(line)).map((line) => `  ${line}`)];
    throw new CliError(code === "unavailable" ? ExitCode.Environment : ExitCode.Input, lines.join("\n"), { cause: error });
  });
  const errors = [
    ...problems,
    ...control.refusals().map(({ type, name, reason }) => `error: Envoy does not take the ${type} ${name}: ${reason}`),
  ];
  return { target: run(envoy, resources.move()), errors };
}
