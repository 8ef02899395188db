import { once } from "node:events";
import { PassThrough } from "node:stream";
import { MeshProcess } from "../command-line.ts";
import type { Container } from "./engine.ts";

/** What dockerode does not type: output and errors come in one stream of frames. */
interface Modem {
  demuxStream(stream: NodeJS.ReadableStream, out: NodeJS.WritableStream, error: NodeJS.WritableStream): void;
}

/** What the engine is asked to do, which others wait for. */
export type Asked = <T>(operation: Promise<T>) => Promise<T>;

/** A process of a mesh that is the first one of a container. The container is removed when it has ended. */
export class ContainerProcess extends MeshProcess {
  /** It has none of this machine. */
  readonly pid = 0;
  private readonly container: Promise<Container>;
  private readonly over: Promise<unknown>;
  private readonly asked: Asked;
  /** Each waits for those before. */
  private queue: Promise<unknown>;

  /** @param create makes the container, which is not started yet */
  constructor(name: string, create: () => Promise<Container>, asked: Asked) {
    super(name);
    this.asked = asked;
    const over = Promise.withResolvers<void>();
    this.over = over.promise;
    this.container = create();
    this.queue = this.launch(over.resolve).catch((error: unknown) => {
      this.ended(error instanceof Error ? error.message : String(error));
      over.resolve();
    });
  }

  /** For the containers that share its network. */
  async id(): Promise<string> {
    return (await this.container).id;
  }

  signal(signal: NodeJS.Signals): void {
    void this.ask((container) => container.kill({ signal }));
  }

  signalChild(pid: number, signal: NodeJS.Signals): void {
    void this.ask(async (container) => {
      const command = ["/bin/sh", "-c", `kill -s ${signal.slice("SIG".length)} ${pid}`];
      const stream = await (await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true })).start({});
      stream.resume();
      await once(stream, "end");
    });
  }

  /** The engine stops all processes of a container. */
  async pause(): Promise<void> {
    await this.ask((container) => container.pause());
  }

  resume(): void {
    void this.ask((container) => container.unpause());
  }

  async leave(): Promise<void> {
    await this.end("SIGKILL");
    await this.queue;
  }

  protected closed(): Promise<unknown> {
    return this.over;
  }

  private ask(operation: (container: Container) => Promise<unknown>): Promise<unknown> {
    this.queue = this.asked(
      this.queue.then(async () => {
        // What has ended meanwhile, or is stopped already, is as it was wanted.
        if (this.running) await operation(await this.container).catch(() => undefined);
      }),
    );
    return this.queue;
  }

  private async launch(over: () => void): Promise<void> {
    const container = await this.container;
    const [out, error] = [new PassThrough(), new PassThrough()];
    this.read(out);
    this.read(error);
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    (container.modem as Modem).demuxStream(stream, out, error);
    const drained = once(stream, "end").catch(() => undefined);
    await container.start();
    const exit = container.wait() as Promise<{ readonly StatusCode: number }>;
    void exit
      .then(
        async ({ StatusCode: code }) => {
          await drained;
          [out, error].forEach((each) => each.end());
          return code > 128 ? `signal ${code - 128}` : `exit code ${code}`;
        },
        (cause: unknown) => String(cause),
      )
      .then(async (how) => {
        this.ended(how);
        await this.asked(container.remove({ force: true, v: true }).catch(() => undefined));
        over();
      });
  }
}
