import { parentPort } from "node:worker_threads";
import * as asc from "assemblyscript/asc";

// The thread of a warm compiler. asc runs in it again and again, one compilation after the other.

export interface Compilation {
  readonly id: number;
  readonly parameters: readonly string[];
}

export interface Compiled {
  readonly id: number;
  /** What asc says about sources that do not compile. */
  readonly problem?: string;
}

async function compile({ id, parameters }: Compilation): Promise<Compiled> {
  const stderr = asc.createMemoryStream();
  const { error } = await asc.main([...parameters], { stderr });
  return error === null ? { id } : { id, problem: stderr.toString().trim() || error.message };
}

let last: Promise<unknown> = Promise.resolve();
parentPort?.on("message", (compilation: Compilation) => {
  last = last.then(async () => parentPort?.postMessage(await compile(compilation)));
});
