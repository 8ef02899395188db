import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { text } from "node:stream/consumers";
import { type ModuleRequest, type ModuleState, stateOf } from "./module-request.ts";
import { WarmCompiler } from "./warm-compiler.ts";

// Test files run in processes that end with them; a compiler that shall stay warm lives in the one that starts them, and is asked over a socket.

/** One for each connection, as JSON; the client then closes its side. */
export interface CompilerRequest {
  readonly module: ModuleRequest;
  /** Whoever asks has one, and will ask again when its sources change. */
  readonly isThere?: boolean;
}

/** What asc says about sources that do not compile, or where the module is. */
export type CompilerReply = { readonly problem: string } | { readonly output: string };

/** Entries that are compiled to warm the compilers up, at most: with as many, V8 has seen most of them. */
const WARMING = 4;
/** Threads at most: a filter, and a module that has it among others. Each has some 400 MB when it is warm. */
const THREADS = Math.min(2, availableParallelism());

export class CompilerService implements AsyncDisposable {
  /** Of the socket. */
  readonly path: string;
  private readonly folder: string;
  private readonly server: Server;
  private compilers: WarmCompiler[] = [];
  /** What they are made of: a thread keeps what it has loaded. */
  private tools: string | undefined;
  /** By output: several files ask for the same module at once. */
  private readonly running = new Map<string, Promise<CompilerReply | undefined>>();
  /** Modules that were asked for, by what is asked, with what they were made of. */
  private readonly asked = new Map<string, { readonly request: ModuleRequest; readonly sources: ReadonlySet<string> }>();
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
    await this.replaceCompilers(undefined);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A file was written: modules that are made of it are compiled before anybody asks. */
  changed(path: string): void {
    for (const { request, sources } of this.asked.values())
      // Whoever asks has the failure.
      if (sources.has(relative(request.folder, path))) this.provide(request).catch(() => undefined);
  }

  private async serve(socket: Socket): Promise<void> {
    // A test that was cut off does not wait for its answer.
    socket.on("error", () => undefined);
    try {
      const { module, isThere = false } = JSON.parse(await text(socket)) as CompilerRequest;
      const reply = isThere ? this.expect(module) : await this.provide(module);
      socket.end(JSON.stringify(reply));
    } catch (error) {
      socket.end(JSON.stringify({ problem: error instanceof Error ? error.message : String(error) } satisfies CompilerReply));
    }
  }

  private expect(request: ModuleRequest): CompilerReply {
    const state = this.look(request);
    this.warmUp(request, state);
    return { output: state.output };
  }

  private async provide(request: ModuleRequest): Promise<CompilerReply> {
    for (;;) {
      const state = this.look(request);
      const { output } = state;
      if (existsSync(output)) {
        this.warmUp(request, state);
        return { output };
      }
      let running = this.running.get(output);
      if (running === undefined) {
        running = this.write(request, state).finally(() => this.running.delete(output));
        this.running.set(output, running);
      }
      const reply = await running;
      if (reply !== undefined) return reply;
    }
  }

  private look(request: ModuleRequest): ModuleState {
    const state = stateOf(request);
    this.asked.set(JSON.stringify(request), { request, sources: new Set(state.sources) });
    return state;
  }

  /**
   * Whoever looks for the module meanwhile finds none, never half of it; nor, ever, one that is made of something else.
   *
   * @returns nothing where the sources changed meanwhile: the compiler may have read either
   */
  private async write(request: ModuleRequest, state: ModuleState): Promise<CompilerReply | undefined> {
    const { output } = state;
    await mkdir(dirname(output), { recursive: true });
    const partial = `${output}.partial`;
    const problem = await this.compile(request, state, ["--outFile", partial]);
    if (stateOf(request).output !== output) return undefined;
    if (problem !== undefined) return { problem };
    await rename(partial, output);
    return { output };
  }

  /** Who asks for a module is about to change its sources: the first time would take three times as long. */
  private warmUp(request: ModuleRequest, state: ModuleState): void {
    if (this.seen.has(request.entry) || this.seen.size >= WARMING) return;
    this.compile(request, state, ["--noEmit"]).catch(() => undefined);
  }

  private async compile(
    { entry, folder, parameters }: ModuleRequest,
    { tools }: ModuleState,
    rest: readonly string[],
  ): Promise<string | undefined> {
    this.seen.add(entry);
    if (this.tools !== tools) await this.replaceCompilers(tools);
    return this.idlest().compile([entry, ...parameters, "--baseDir", folder, ...rest]);
  }

  private idlest(): WarmCompiler {
    this.compilers = this.compilers.filter(({ alive }) => alive);
    const [idlest] = this.compilers.toSorted((a, b) => a.pending - b.pending);
    if (idlest !== undefined && (idlest.pending === 0 || this.compilers.length >= THREADS)) return idlest;
    const another = new WarmCompiler();
    this.compilers.push(another);
    return another;
  }

  private async replaceCompilers(tools: string | undefined): Promise<void> {
    this.tools = tools;
    await Promise.all(this.compilers.splice(0).map((compiler) => compiler[Symbol.asyncDispose]()));
  }
}

/** Has the service at `path` provide a module. */
export async function askService(path: string, request: CompilerRequest): Promise<CompilerReply> {
  const socket = connect(path);
  socket.end(JSON.stringify(request));
  return JSON.parse(await text(socket)) as CompilerReply;
}
