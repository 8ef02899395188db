import { once } from "node:events";
import { createInterface } from "node:readline";
import { MeasuredProcess } from "./measured-process.ts";
import type { MeshEdit } from "./mesh-files.ts";
import type { PreparedMesh, ResourcesByType } from "./prepared-mesh.ts";
import type { Subject } from "./subject.ts";

/** A line to the process: resources that it has to serve from now on, values in base64. */
export interface PreparedLine {
  readonly resources: Readonly<Record<string, readonly { readonly name: string; readonly version: string; readonly value: string }[]>>;
}

/**
 * A server of resources that are translated already. It gets all of them as a line of its standard input, prints the port on which it listens, and gets those that
 * change as one line for each change, which is when the clock starts.
 */
export class PreparedProcess implements Subject {
  readonly process: MeasuredProcess;
  readonly port: number;
  private readonly mesh: PreparedMesh;

  private constructor(process: MeasuredProcess, port: number, mesh: PreparedMesh) {
    this.process = process;
    this.port = port;
    this.mesh = mesh;
  }

  static async start(command: string, parameters: readonly string[], mesh: PreparedMesh): Promise<PreparedProcess> {
    const process = new MeasuredProcess(command, parameters, ["pipe", "pipe", "inherit"]);
    const { stdin, stdout } = process.child;
    if (stdin === null || stdout === null) throw new TypeError("no pipes");
    stdin.write(lineOf(mesh.resources()));
    const ended = once(process.child, "exit").then(([code]) => {
      throw new Error(`${command} ended with ${code} before it listened`);
    });
    const [port] = (await Promise.race([once(createInterface({ input: stdout }), "line"), ended])) as [string];
    ended.catch(() => undefined);
    return new PreparedProcess(process, Number(port), mesh);
  }

  change(edit: MeshEdit, index: number, generation: number): Promise<number> {
    const line = lineOf(this.mesh.change(edit, index, generation));
    const changedAt = performance.now();
    this.process.child.stdin?.write(line);
    return Promise.resolve(changedAt);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }
}

function lineOf(byType: ResourcesByType): string {
  const resources = Object.entries(byType).map(([typeUrl, list]) => {
    const encoded = list.map(({ name, version, value }) => ({ name, version, value: Buffer.from(value).toString("base64") }));
    return [typeUrl, encoded] as const;
  });
  return `${JSON.stringify({ resources: Object.fromEntries(resources) } satisfies PreparedLine)}\n`;
}
