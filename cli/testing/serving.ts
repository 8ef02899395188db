import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A `meshwright serve` that runs as a process of its own, and what it logs. */
export class Serving implements AsyncDisposable {
  /** `http://HOST:PORT` */
  readonly admin: string;
  /** `HOST:PORT` */
  readonly xds: string;
  /** With the token that may change things; empty where there is no authority. */
  readonly tokenFile: string;
  readonly lines: readonly LogLine[];
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, lines: readonly LogLine[], ready: LogLine) {
    this.admin = String(ready["admin"]);
    this.xds = String(ready["xds"]);
    this.tokenFile = typeof ready["tokenFile"] === "string" ? ready["tokenFile"] : "";
    this.lines = lines;
    this.child = child;
  }

  /** Starts it on ports that are free, and waits until it is ready. */
  static async start(...parameters: readonly string[]): Promise<Serving> {
    const all = [MAIN, "serve", "--xds", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json", ...parameters];
    const child = spawn(process.execPath, all, { stdio: ["ignore", "ignore", "pipe"] });
    const lines: LogLine[] = [];
    const ready = await new Promise<LogLine>((resolve, reject) => {
      createInterface({ input: child.stderr })
        .on("line", (text) => {
          const line = text.startsWith("{") ? (JSON.parse(text) as LogLine) : { message: text };
          lines.push(line);
          if ("admin" in line) resolve(line);
        })
        .once("close", () => reject(new Error(JSON.stringify(lines))));
    });
    return new Serving(child, lines, ready);
  }

  /** Everything that it has logged. */
  get log(): string {
    return this.lines.map((line) => JSON.stringify(line)).join("\n");
  }

  get runs(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Bytes of memory that it holds. */
  get resident(): number {
    const [, kilobytes = "0"] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${String(this.child.pid)}/status`, "utf8")) ?? [];
    return Number(kilobytes) * 1024;
  }

  /** The next line, or one that is there, that says this. */
  async line(text: string): Promise<LogLine> {
    for (const end = performance.now() + 20_000; performance.now() < end; await sleep(10)) {
      const found = this.lines.find((line) => String(line["message"]).includes(text));
      if (found !== undefined) return found;
    }
    throw new Error(`no line says ${text}:\n${this.lines.map((line) => JSON.stringify(line)).join("\n")}`);
  }

  /** What a path of the administration interface answers. */
  async get<T>(path: string): Promise<T> {
    return (await (await fetch(`${this.admin}${path}`)).json()) as T;
  }

  /** Names of the objects that count, sorted. */
  async objects(): Promise<readonly string[]> {
    const all = await this.get<readonly { readonly metadata: { readonly name: string } }[]>("/debug/configz");
    return all.map(({ metadata }) => metadata.name).sort();
  }

  async kill(signal: NodeJS.Signals): Promise<number | null> {
    const ended = once(this.child, "exit");
    this.child.kill(signal);
    await ended;
    return this.child.exitCode;
  }

  /** Reads its log no more, as a program behind a pipe that ends. */
  closeLog(): void {
    this.child.stderr?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.runs) await this.kill("SIGKILL");
  }
}
