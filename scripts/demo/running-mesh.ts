import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdminListener } from "../../control/admin/index.ts";
import { waitForProxies, type WaitResult } from "../../control/admin/wait.ts";
import { bootstrapOf } from "../../control/bootstrap/index.ts";
import { type ControlLog, ControlService } from "../../control/control-service.ts";
import { DirectorySource } from "../../control/sources/directory/index.ts";
import { MemorySource } from "../../control/sources/memory/index.ts";
import { XdsListener } from "../../control/xds/transport/index.ts";
import { binaryProvider } from "../../harness/envoy/binary.ts";
import type { StartedEnvoy } from "../../harness/envoy/index.ts";
import { type Program, PROGRAMS, RunningProgram } from "./bookshop.ts";
import { egressOf, freePorts, type Place, placeOf } from "./place.ts";
import { platformObjects } from "./platform.ts";

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
    const service = resources.use(await ControlService.start({ sources, log }));
    const xds = resources.use(await XdsListener.start(service.xds, { port: 0 }));
    const admin = resources.use(await AdminListener.start(service, { port: adminPort }));
    const nodes = [
      { nodeId: "router~10.0.0.1~gateway.default~default.svc.cluster.local", labels: { app: "gateway" } },
      ...places.map(({ nodeId, app, version }) => ({ nodeId, labels: { app, version } })),
    ];
    const envoys = await Promise.all(nodes.map(async ({ nodeId, labels }) => resources.use(await startEnvoy(nodeId, labels, xds.port))));
    return new RunningMesh(places, admin, service, envoys, resources.move());
  }

  /** Waits until every Envoy has what the files say. */
  async settled(): Promise<WaitResult> {
    return waitForProxies(this.service, PATIENCE);
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

async function startEnvoy(nodeId: string, labels: Readonly<Record<string, string>>, port: number): Promise<StartedEnvoy> {
  const made = bootstrapOf({ nodeId, metadata: { LABELS: labels }, control: { host: "127.0.0.1", port } });
  if (!("bootstrap" in made)) throw new Error(`no bootstrap for ${nodeId}: ${JSON.stringify(made)}`);
  // Several Envoys share a machine: none gets the fixed ports for metrics and readiness.
  const { static_resources: resources, admin: _, ...rest } = made.bootstrap;
  return binaryProvider.start({ ...rest, static_resources: { ...(resources as object), listeners: [] } });
}
