import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { WarmCompiler } from "./warm-compiler.ts";

// Test files run in processes that end with them; a compiler that shall stay warm lives in the one that starts them, and is asked over a socket.

/** One for each connection, as JSON; the client then closes its side. */
export interface CompilerRequest {
  /** asc's command line but for `--outFile`. */
  readonly parameters: readonly string[];
  /** Where the module shall be. */
  readonly output: string;
  /** Digest of what the compiler is made of. What a thread has loaded stays as it was: for others there is another thread. */
  readonly tools: string;
}

interface CompilerReply {
  readonly problem?: string;
}

/** Entries that are compiled to warm the compiler up, at most: with as many, V8 has seen most of it. */
const WARMING = 4;

export class CompilerService implements AsyncDisposable {
  /** Of the socket. */
  readonly path: string;
  private readonly folder: string;
  private readonly server: Server;
  private compiler: { readonly tools: string; readonly warm: WarmCompiler } | undefined;
  /** By output: several files ask for the same module at once. */
  private readonly running = new Map<string, Promise<CompilerReply>>();
  private readonly seen = new Set<string>();

  private constructor(folder: string) {
    this.folder = folder;
    this.path = join(folder, "compiler");
    this.server = createServer({ allowHalfOpen: true }, (socket) => void this.serve(socket));
  }

  /** The folder of the socket is this user's alone. */
  static async start(): Promise<CompilerService> {
    const service = new CompilerService(await mkdtemp(join(tmpdir(), "meshwright-asc-")));
    await new Promise<void>((resolve) => service.server.listen(service.path, resolve));
    service.server.unref();
    return service;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    await this.compiler?.warm[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async serve(socket: Socket): Promise<void> {
    // A test that was cut off does not wait for its answer.
    socket.on("error", () => undefined);
    try {
      const reply = await this.answer(JSON.parse(await text(socket)) as CompilerRequest);
      socket.end(JSON.stringify(reply));
    } catch (error) {
      socket.end(JSON.stringify({ problem: error instanceof Error ? error.message : String(error) } satisfies CompilerReply));
    }
  }

  private async answer(request: CompilerRequest): Promise<CompilerReply> {
    const { output } = request;
    const running = this.running.get(output);
    if (running !== undefined) return running;
    if (existsSync(output)) {
      this.warmUp(request);
      return {};
    }
    const reply = this.write(request);
    this.running.set(output, reply);
    try {
      return await reply;
    } finally {
      this.running.delete(output);
    }
  }

  /** Whoever looks for the module meanwhile finds none, never half of it. */
  private async write(request: CompilerRequest): Promise<CompilerReply> {
    const partial = `${request.output}.partial`;
    const reply = await this.compile(request, ["--outFile", partial]);
    if (reply.problem === undefined) await rename(partial, request.output);
    return reply;
  }

  /** Who asks for a module is about to change its sources: the first time would take three times as long. */
  private warmUp(request: CompilerRequest): void {
    const entry = request.parameters[0] ?? "";
    if (this.seen.has(entry) || this.seen.size >= WARMING) return;
    this.compile(request, ["--noEmit"]).catch(() => undefined);
  }

  private async compile({ parameters, tools }: CompilerRequest, rest: readonly string[]): Promise<CompilerReply> {
    this.seen.add(parameters[0] ?? "");
    if (this.compiler?.tools !== tools || !this.compiler.warm.alive) {
      await this.compiler?.warm[Symbol.asyncDispose]();
      this.compiler = { tools, warm: new WarmCompiler() };
    }
    const problem = await this.compiler.warm.compile([...parameters, ...rest]);
    return problem === undefined ? {} : { problem };
  }
}

/** Has the service at `path` compile a module; returns as {@link WarmCompiler.compile}. */
export async function askService(path: string, request: CompilerRequest): Promise<string | undefined> {
  const socket = connect(path);
  socket.end(JSON.stringify(request));
  return (JSON.parse(await text(socket)) as CompilerReply).problem;
}
