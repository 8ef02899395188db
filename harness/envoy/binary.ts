import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Admin } from "./admin.ts";
import { envoyArguments } from "./arguments.ts";
import { address, type Bootstrap } from "./bootstrap/index.ts";
import { EnvoyError } from "./errors.ts";
import { GuardedProcess } from "./process.ts";
import type { EnvoyOptions, EnvoyProvider, StartedEnvoy } from "./provider.ts";
import { findEnvoy, minorVersion, SUPPORTED_VERSIONS, versionOf, waysToProvide } from "./release/index.mjs";

const START_TIMEOUT = 15_000;
const LOOPBACK = "127.0.0.1";

/** Starts the Envoy binary of this machine: `ENVOY_BIN`, an `envoy` of a supported version on the PATH, or the downloaded one. */
export const binaryProvider: EnvoyProvider = {
  name: "binary",
  async available() {
    try {
      await envoyBinary();
      return undefined;
    } catch (error) {
      return EnvoyError.from(error).message;
    }
  },
  upstreamHost: async () => ({ bind: LOOPBACK, reach: LOOPBACK }),
  start: startBinary,
};

let binary: Promise<{ readonly path: string; readonly version: string }> | undefined;

/**
 * Path and version of the binary that {@link binaryProvider} starts. Rejects with `unavailable` where there is none, or where it is not of a
 * supported version.
 */
export function envoyBinary(): Promise<{ readonly path: string; readonly version: string }> {
  return (binary ??= lookForBinary());
}

async function lookForBinary(): Promise<{ readonly path: string; readonly version: string }> {
  const found = await findEnvoy(process.env).catch((error: unknown) => {
    throw EnvoyError.from(error, "unavailable");
  });
  if (found === undefined) throw new EnvoyError("unavailable", waysToProvide(process.env));
  const version = await versionOf(found.path);
  const advice = found.origin === "ENVOY_BIN" ? ". Unset ENVOY_BIN to have one looked for, or name another" : "";
  if (version === undefined)
    throw new EnvoyError("unavailable", `${found.path} (from ${found.origin}) does not run, or is no Envoy${advice}`);
  if (minorVersion(version) === undefined) {
    const supported = SUPPORTED_VERSIONS.join(", ");
    throw new EnvoyError("unavailable", `${found.path} (from ${found.origin}) is Envoy ${version}; supported are ${supported}${advice}`);
  }
  return { path: found.path, version };
}

async function startBinary(bootstrap: Bootstrap, options: EnvoyOptions = {}): Promise<StartedEnvoy> {
  return startProcess(async () => bootstrap, options);
}

/** As {@link binaryProvider}, with a bootstrap that may name files in the folder that goes away with Envoy. */
export async function startProcess(bootstrapIn: (folder: string) => Promise<Bootstrap>, options: EnvoyOptions): Promise<EnvoyProcess> {
  const { path } = await envoyBinary();
  const running = await GuardedProcess.start(path, async (folder) => {
    const config = join(folder, "envoy.json");
    await writeFile(config, JSON.stringify({ admin: { address: address(LOOPBACK, 0) }, ...(await bootstrapIn(folder)) }));
    return ["-c", config, "--admin-address-path", join(folder, "admin"), ...envoyArguments(options)];
  });
  try {
    const admin = await waitForAdmin(running, options.startTimeout ?? START_TIMEOUT);
    const bound = await waitForListeners(running, admin, options.startTimeout ?? START_TIMEOUT);
    return new EnvoyProcess(running, admin, bound);
  } catch (error) {
    await running.end();
    throw error;
  }
}

export class EnvoyProcess implements StartedEnvoy {
  readonly admin: Admin;
  readonly exited: Promise<string>;
  private readonly process: GuardedProcess;
  private readonly bound: ReadonlyMap<string, { readonly host: string; readonly port: number }>;

  constructor(process: GuardedProcess, admin: Admin, bound: ReadonlyMap<string, { readonly host: string; readonly port: number }>) {
    this.process = process;
    this.admin = admin;
    this.bound = bound;
    this.exited = process.exited;
  }

  get log() {
    return this.process.log;
  }

  get pid(): number | undefined {
    return this.process.child.pid;
  }

  get running(): boolean {
    return this.process.running;
  }

  /** Of its own; removed with it. */
  get folder(): string {
    return this.process.folder;
  }

  /** Whether this process waits for it to end; where not, Envoy ends with this process. */
  keepAlive(kept: boolean): void {
    this.process.keepAlive(kept);
  }

  address(listener: string): { readonly host: string; readonly port: number } {
    const bound = this.bound.get(listener);
    if (bound === undefined) throw new Error(`Envoy has no listener ${listener}; it has ${[...this.bound.keys()].join(", ")}`);
    return bound;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.admin.close();
    await this.process.end();
  }
}

/** Envoy writes the address when the admin interface listens. */
async function waitForAdmin(running: GuardedProcess, timeout: number): Promise<Admin> {
  for (const end = performance.now() + timeout; performance.now() < end; await sleep(2)) {
    if (!running.running) throw await refusal(running);
    const text = await readFile(join(running.folder, "admin"), "utf8").catch(() => "");
    const match = /^(.+):(\d+)$/.exec(text);
    if (match !== null) return new Admin(match[1] ?? LOOPBACK, Number(match[2]));
  }
  throw timedOut(running, timeout);
}

async function waitForListeners(running: GuardedProcess, admin: Admin, timeout: number) {
  for (const end = performance.now() + timeout; performance.now() < end; await sleep(2)) {
    if (!running.running) throw await refusal(running);
    if (await admin.ready().catch(() => false)) return admin.listeners();
  }
  admin.close();
  throw timedOut(running, timeout);
}

/** Envoy ended before it listened: it says why in its last errors. */
async function refusal(running: GuardedProcess): Promise<EnvoyError> {
  running.log.refresh();
  const how = await running.exited;
  const reason = running.log.reason() ?? "it logged no reason";
  return new EnvoyError("refused", `Envoy does not take this configuration (${how}): ${reason}`, running.log.lines());
}

function timedOut(running: GuardedProcess, timeout: number): EnvoyError {
  running.log.refresh();
  const why = "does a module loop for ever while it starts, or has the machine too much to do?";
  return new EnvoyError("timeout", `Envoy does not listen ${timeout} ms after its start: ${why}`, running.log.lines());
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
