import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";

/** Whom a process runs as. */
export interface Identity {
  readonly user: number;
  readonly group: number;
}

/**
 * Becomes Envoy ($1 and what follows; `exec`, so the child's pid is Envoy's). $0 is a folder of its user.
 *
 * - A child waits on a pipe from the supervisor (3). The line that comes when Envoy has ended lets it go; where the pipe closes instead, the supervisor was killed: Envoy goes
 *   too, and the folder.
 * - Standard output is a named pipe of Envoy's user, which another child copies: access logs open /dev/stdout by its name, which is refused for a socket, and for a
 *   terminal or pipe of another user.
 */
const GUARDED = [
  `[ -p "$0/stdout" ] || mkfifo -m 600 "$0/stdout" || exit 126`,
  `cat "$0/stdout" 2>/dev/null 3<&- &`,
  `{ trap "" TERM HUP INT; read -r ended <&3 || { kill -9 $$; rm -rf "$0"; }; } >/dev/null 2>&1 &`,
  `exec "$@" >"$0/stdout" 3<&-`,
].join("\n");

export interface ProcessOptions {
  /** Of its user. */
  readonly folder: string;
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: that of this process. */
  readonly identity?: Identity;
}

/** How a process ended. */
export interface Exit {
  /** `exit code 1`, `SIGSEGV` */
  readonly how: string;
  readonly code: number | null;
}

/** One Envoy, which does not outlive this process, however that ends. Its log goes where that of this process goes. */
export class EnvoyProcess {
  readonly exited: Promise<Exit>;
  private readonly child: ChildProcess;
  private hasExited = false;

  private constructor(child: ChildProcess) {
    this.child = child;
    const guard = child.stdio[3] as Writable | null;
    this.exited = new Promise((resolve) => {
      const end = (exit: Exit) => {
        this.hasExited = true;
        guard?.end("ended\n");
        resolve(exit);
      };
      child.once("error", (error) => end({ how: error.message, code: null }));
      child.once("exit", (code, signal) => end({ how: signal ?? `exit code ${code}`, code }));
    });
    guard?.on("error", () => undefined);
  }

  static start(binary: string, parameters: readonly string[], { folder, environment, identity }: ProcessOptions): EnvoyProcess {
    const child = spawn("sh", ["-c", GUARDED, folder, binary, ...parameters], {
      // Not standard input, which Node closes as soon as a child has ended.
      stdio: ["ignore", "inherit", "inherit", "pipe"],
      // A group of its own: Ctrl-C at a terminal is for the supervisor, which drains first.
      detached: true,
      env: { ...process.env, ...environment },
      ...(identity !== undefined && { uid: identity.user, gid: identity.group }),
    });
    return new EnvoyProcess(child);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get running(): boolean {
    return !this.hasExited;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.child.kill(signal);
  }

  /** SIGTERM, and after `patience` milliseconds SIGKILL. */
  async end(patience: number): Promise<Exit> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), patience);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }
}
