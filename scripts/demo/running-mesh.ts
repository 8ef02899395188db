import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdminListener } from "../../control/admin/index.ts";
import { waitForProxies, type WaitResult } from "../../control/admin/wait.ts";
import { proxyStatus } from "../../control/admin/proxy-status.ts";
import type { ControlService } from "../../control/control-service.ts";
import type { ControlLog } from "../../control/log.ts";
import { DirectorySource } from "../../control/sources/directory/index.ts";
import { MemorySource } from "../../control/sources/memory/index.ts";
import type { StartedEnvoy } from "../../harness/envoy/index.ts";
import { serveMesh } from "./authority.ts";
import { type Program, PROGRAMS, RunningProgram } from "./bookshop.ts";
import { egressOf, freePorts, type Place, placeOf } from "./place.ts";
import { platformObjects } from "./platform.ts";
import { type ProxyPlace, startProxy } from "./proxy.ts";

export interface MeshOptions {
  /** Directory of the YAML that the mesh is made of. */
  readonly mesh: string;
  /** Where the gateway listens. */
  readonly port: number;
  /** 0: any free one. */
  readonly adminPort: number;
  readonly log: ControlLog;
}

const PATIENCE = 30_000;
const GATEWAY: ProxyPlace = {
  name: "gateway",
  nodeId: "router~10.0.0.1~gateway.default~default.svc.cluster.local",
  serviceAccount: "gateway",
  labels: { app: "gateway" },
};

/** The control service, the bookshop's programs, and an Envoy beside each of them and at the gate. Ends in the opposite order. */
export class RunningMesh implements AsyncDisposable {
  readonly places: readonly Place[];
  readonly admin: AdminListener;
  readonly service: ControlService;
  readonly envoys: readonly StartedEnvoy[];
  private readonly resources: AsyncDisposableStack;

  private constructor(
    places: readonly Place[],
    admin: AdminListener,
    service: ControlService,
    envoys: readonly StartedEnvoy[],
    resources: AsyncDisposableStack,
  ) {
    this.places = places;
    this.admin = admin;
    this.service = service;
    this.envoys = envoys;
    this.resources = resources;
  }

  static async start({ mesh, port, adminPort, log }: MeshOptions): Promise<RunningMesh> {
    await using resources = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "bookshop-"));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const places = await startPrograms(PROGRAMS, folder, resources);
    const sources = [new MemorySource({ "platform.yaml": platformObjects(places, port) }, "platform"), new DirectorySource([mesh])];
    const served = await serveMesh(sources, folder, log, resources);
    const { service, identity } = served;
    // Whoever may do more than look needs a token, which nobody has here.
    const tokens = [randomBytes(32).toString("base64url")];
    const admin = resources.use(await AdminListener.start(service, { port: adminPort, tokens, openReads: true, identity }));
    const proxies: readonly ProxyPlace[] = [
      GATEWAY,
      ...places.map(({ name, nodeId, app, version }) => ({ name, nodeId, serviceAccount: app, labels: { app, version } })),
    ];
    const envoys = await Promise.all(proxies.map((proxy) => startProxy(proxy, served, folder, logOf(proxy, log), resources)));
    return new RunningMesh(places, admin, service, envoys, resources.move());
  }

  /** Waits until every Envoy has what the files say. */
  async settled(): Promise<WaitResult> {
    return waitForProxies(this.service, PATIENCE);
  }

  /** Whom the proxies have proved to be, and when the first of their certificates ends, milliseconds since 1970. */
  identities(): { readonly names: readonly string[]; readonly until: number } {
    const proved = proxyStatus(this.service).flatMap(({ identity }) => identity ?? []);
    return { names: [...new Set(proved.map(({ name }) => name))].sort(), until: Math.min(...proved.map(({ notAfter }) => notAfter)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }
}

async function startPrograms(programs: readonly Program[], folder: string, resources: AsyncDisposableStack): Promise<readonly Place[]> {
  const ingressPorts = await freePorts(programs.length);
  return Promise.all(
    programs.map(async (program, index) => {
      const running = resources.use(await RunningProgram.start(program, egressOf(program, folder)));
      return placeOf(program, index, { programPort: running.port, ingressPort: ingressPorts[index] ?? 0 }, folder);
    }),
  );
}

/** What goes wrong beside a proxy, with its name; that it has a certificate is no news. */
function logOf({ name: proxy }: ProxyPlace, log: ControlLog): ControlLog {
  return {
    info: () => undefined,
    warn: (fields, message) => log.warn({ proxy, ...fields }, message),
    error: (fields, message) => log.error({ proxy, ...fields }, message),
  };
}
