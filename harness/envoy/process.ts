import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EnvoyLog } from "./log.ts";

/**
 * The shell becomes Envoy (`exec`), so that the child's pid is Envoy's. Its own child holds the other end of a pipe to this process; when that
 * closes, however this process ended, it kills Envoy and removes the folder ($0). It ignores signals, which a terminal or a supervisor sends to the
 * whole group.
 */
const GUARDED = `exec 3<&0; { trap "" TERM HUP INT; cat <&3 >/dev/null 2>&1; kill -9 $$ 2>/dev/null; rm -rf "$0"; } >/dev/null 2>&1 & exec "$@" </dev/null 3<&-`;

/** An Envoy process with a folder of its own, that does not outlive this one. */
export class GuardedProcess {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly log: EnvoyLog;
  /** Resolves with the exit code or the signal. */
  readonly exited: Promise<string>;
  private hasExited = false;
  private logFile: number | undefined;

  private constructor(child: ChildProcess, folder: string, logFile: number) {
    this.child = child;
    this.folder = folder;
    this.logFile = logFile;
    this.log = new EnvoyLog(() => this.readLog());
    this.exited = new Promise((resolve) => {
      const end = (how: string) => {
        this.hasExited = true;
        resolve(how);
      };
      child.once("error", (error) => end(error.message));
      child.once("exit", (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  /** Runs `binary` with the arguments that `parameters` makes of the folder. */
  static async start(binary: string, parameters: (folder: string) => Promise<readonly string[]>): Promise<GuardedProcess> {
    const folder = await mkdtemp(join(tmpdir(), "meshwright-envoy-"));
    try {
      const list = await parameters(folder);
      // Envoy's access log opens /dev/stderr, which a pipe of Node (a socket) does not allow; both writers append.
      const logFile = openSync(join(folder, "log"), "a+");
      const child = spawn("sh", ["-c", GUARDED, folder, binary, ...list], { stdio: ["pipe", logFile, logFile] });
      // Nothing is ever written to it.
      child.stdin?.on("error", () => undefined);
      return new GuardedProcess(child, folder, logFile);
    } catch (error) {
      // Nobody else knows of it yet.
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get running(): boolean {
    return !this.hasExited;
  }

  /** Whether Node waits for it to end. */
  keepAlive(kept: boolean): void {
    const guard = this.child.stdin as Socket | null;
    if (kept) {
      this.child.ref();
      guard?.ref();
    } else {
      this.child.unref();
      guard?.unref();
    }
  }

  /** Ends Envoy: SIGTERM, and after two seconds SIGKILL. Then removes its folder; the log stays readable. */
  async end(): Promise<void> {
    if (this.running) {
      this.child.kill("SIGTERM");
      const timer = setTimeout(() => this.child.kill("SIGKILL"), 2_000);
      await this.exited;
      clearTimeout(timer);
    }
    this.child.stdin?.destroy();
    this.readLog();
    if (this.logFile !== undefined) closeSync(this.logFile);
    this.logFile = undefined;
    await rm(this.folder, { recursive: true, force: true });
  }

  private readonly buffer = Buffer.alloc(64 * 1024);
  private position = 0;
  /** UTF-8 may be cut at the end of a read. */
  private readonly decoder = new TextDecoder();

  private readLog(): void {
    if (this.logFile === undefined) return;
    for (;;) {
      const length = readSync(this.logFile, this.buffer, 0, this.buffer.length, this.position);
      this.position += length;
      if (length > 0) this.log.push(this.decoder.decode(this.buffer.subarray(0, length), { stream: true }));
      // That was the end of it: to be told so by another read costs more than a line does.
      if (length < this.buffer.length) break;
    }
    if (this.hasExited) this.log.end();
  }
}
