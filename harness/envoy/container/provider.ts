import { networkInterfaces } from "node:os";
import type { StartedTestContainer } from "testcontainers";
import { Admin } from "../admin.ts";
import { envoyArguments } from "../arguments.ts";
import type { Bootstrap } from "../bootstrap/index.ts";
import { EnvoyError } from "../errors.ts";
import { EnvoyLog } from "../log.ts";
import type { EnvoyOptions, EnvoyProvider, StartedEnvoy } from "../provider.ts";
import { adapt, ADMIN_PORT, type Adapted } from "./adapt.ts";
import { engine, loadTestcontainers } from "./engine.ts";
import { ENVOY_PATH, envoyImage } from "./image.ts";
import { OWNER, OWNER_LABEL, removeLeftovers } from "./leftovers.ts";

const CONFIG = "/etc/meshwright/envoy.json";
const HOST = "host.docker.internal";
const START_TIMEOUT = 30_000;

/** Starts Envoy in a container, through testcontainers: see `envoyImage` for the image. */
export const containerProvider: EnvoyProvider = {
  name: "container",
  async available() {
    try {
      await engine();
      await envoyImage();
      return undefined;
    } catch (error) {
      return EnvoyError.from(error).message;
    }
  },
  upstreamHost: async () => {
    // On Linux containers reach this machine through the bridge; elsewhere the engine runs in a virtual machine that has a name for it.
    const bridge = networkInterfaces()["docker0"]?.find(({ family }) => family === "IPv4")?.address;
    return bridge === undefined ? { bind: "0.0.0.0", reach: HOST } : { bind: bridge, reach: bridge };
  },
  start: startContainer,
};

async function startContainer(bootstrap: Bootstrap, options: EnvoyOptions = {}): Promise<StartedEnvoy> {
  const { GenericContainer, Wait } = await loadTestcontainers();
  const image = await envoyImage();
  await removeLeftovers();
  const adapted = adapt(bootstrap);
  const log = new EnvoyLog();
  const container = new GenericContainer(image)
    .withEntrypoint([ENVOY_PATH])
    .withCommand(["-c", CONFIG, ...envoyArguments(options)])
    .withCopyContentToContainer([{ content: JSON.stringify(adapted.bootstrap), target: CONFIG }])
    .withCopyFilesToContainer(adapted.files.map((file) => ({ source: file, target: file })))
    .withExtraHosts([{ host: HOST, ipAddress: "host-gateway" }])
    .withExposedPorts(ADMIN_PORT, ...adapted.ports.values())
    .withLabels({ [OWNER_LABEL]: OWNER })
    // Instead of testcontainers' own reaper, whose image cannot be pulled everywhere.
    .withAutoCleanup(false)
    .withLogConsumer((stream) => {
      const decoder = new TextDecoder();
      stream.on("data", (chunk: Buffer | string) => log.push(typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true })));
    })
    .withWaitStrategy(Wait.forHttp("/ready", ADMIN_PORT, { abortOnContainerExit: true }).withReadTimeout(100))
    .withStartupTimeout(options.startTimeout ?? START_TIMEOUT);
  try {
    return new EnvoyContainer(await container.start(), adapted, log);
  } catch (cause) {
    const reason = log.reason() ?? (cause instanceof Error ? cause.message : String(cause));
    throw new EnvoyError("refused", `Envoy in a container of ${image} does not take this configuration: ${reason}`, log.lines(), { cause });
  }
}

class EnvoyContainer implements StartedEnvoy {
  readonly admin: Admin;
  readonly log: EnvoyLog;
  readonly pid = undefined;
  /** For what only containers can do: pausing, killing, leaving a network. */
  readonly container: StartedTestContainer;
  private readonly adapted: Adapted;

  constructor(container: StartedTestContainer, adapted: Adapted, log: EnvoyLog) {
    this.container = container;
    this.adapted = adapted;
    this.log = log;
    this.admin = new Admin(container.getHost(), container.getMappedPort(ADMIN_PORT));
  }

  get exited(): Promise<string> {
    return engine()
      .then(({ container }) => container.getById(this.container.getId()).wait() as Promise<{ readonly StatusCode: number }>)
      .then(({ StatusCode: code }) => `exit code ${code}`);
  }

  address(listener: string): { readonly host: string; readonly port: number } {
    const port = this.adapted.ports.get(listener);
    if (port === undefined) throw new Error(`Envoy has no listener ${listener}; it has ${[...this.adapted.ports.keys()].join(", ")}`);
    return { host: this.container.getHost(), port: this.container.getMappedPort(port) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.admin.close();
    await this.container.stop({ timeout: 0, remove: true, removeVolumes: true });
  }
}
