import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A folder that is gone when it is disposed of, or a signal ends this process, which dies of it as it would without. */
export class TemporaryFolder implements Disposable {
  readonly path: string;
  private readonly onSignal = (signal: NodeJS.Signals): void => {
    this[Symbol.dispose]();
    process.kill(process.pid, signal);
  };

  private constructor(path: string) {
    this.path = path;
    for (const signal of ENDING) process.once(signal, this.onSignal);
  }

  static async make(prefix: string): Promise<TemporaryFolder> {
    return new TemporaryFolder(await mkdtemp(join(tmpdir(), prefix)));
  }

  [Symbol.dispose](): void {
    for (const signal of ENDING) process.off(signal, this.onSignal);
    rmSync(this.path, { recursive: true, force: true });
  }
}
