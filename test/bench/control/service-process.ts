import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { MeasuredProcess } from "./measured-process.ts";
import type { MeshEdit, MeshFiles } from "./mesh-files.ts";
import type { Subject } from "./subject.ts";

/** What is installed with the package, which `npm run bench` builds; from its sources the same command needs more memory, for what strips their types. */
const BUILT = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
const MAIN = existsSync(BUILT) ? BUILT : fileURLToPath(new URL("../../../cli/main.ts", import.meta.url));

/** `meshwright serve` on a directory; a change is one of a file. */
export class ServiceProcess implements Subject {
  readonly process: MeasuredProcess;
  readonly port: number;
  private readonly files: MeshFiles;

  private constructor(process: MeasuredProcess, port: number, files: MeshFiles) {
    this.process = process;
    this.port = port;
    this.files = files;
  }

  static async start(files: MeshFiles): Promise<ServiceProcess> {
    const addresses = ["--xds", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    const parameters = [MAIN, "serve", "--config", files.folder, ...addresses, "--log-format", "json"];
    const process_ = new MeasuredProcess(process.execPath, parameters, ["ignore", "ignore", "pipe"]);
    const { stderr } = process_.child;
    const lines: string[] = [];
    for await (const line of stderr === null ? [] : createInterface({ input: stderr })) {
      lines.push(line);
      const { xds } = JSON.parse(line.startsWith("{") ? line : "{}") as { readonly xds?: string };
      if (xds === undefined) continue;
      stderr?.resume();
      return new ServiceProcess(process_, Number(xds.slice(xds.lastIndexOf(":") + 1)), files);
    }
    await process_[Symbol.asyncDispose]();
    throw new Error(`the control service ended before it was ready:\n${lines.slice(-20).join("\n")}`);
  }

  change(edit: MeshEdit, index: number, generation: number): Promise<number> {
    return this.files.change(edit, index, generation);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }
}
