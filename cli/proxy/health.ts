import type { BootstrapRequest, ListenAddress, NodeDescription } from "../../control/bootstrap/index.ts";
import type { Probe, WorkloadGroupSpec } from "../../control/kinds/workload-group/index.ts";
import { GROUP_KEY, HEALTH_TYPE, type MeshObject } from "../../control/model/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { meshSources } from "../control/mesh-sources.ts";
import type { ProxyOptions } from "./options.ts";
import { type ReporterOptions, reportStream } from "./report-stream.ts";

/** The probe of the WorkloadGroup that the proxy registers with, among the objects that it is given; none where there is none. It comes from files beside the proxy and from nowhere else: it may run a program. */
export async function probeIn({ file = [], meshConfig }: ProxyOptions, { metadata }: NodeDescription): Promise<Probe | undefined> {
  const name = metadata[GROUP_KEY];
  if (file.length === 0 || typeof name !== "string" || name === "") return undefined;
  const { readMesh } = await import("../../control/read-mesh.ts");
  const { mesh } = await readMesh(await meshSources(file, meshConfig));
  const groups = mesh.objects("WorkloadGroup") as readonly MeshObject<WorkloadGroupSpec>[];
  return groups.find((group) => group.metadata.name === name && group.metadata.namespace === metadata["NAMESPACE"])?.spec.probe;
}

export interface HealthOptions extends Pick<ReporterOptions, "node" | "identity" | "log"> {
  readonly probe: Probe;
  readonly admin: ListenAddress;
}

/** Runs a probe, and tells the control service what comes of it, until it is disposed of. */
export async function startHealth(request: BootstrapRequest, { probe, admin, ...reporter }: HealthOptions): Promise<AsyncDisposable> {
  const { log } = reporter;
  const stream = await reportStream(request, { ...reporter, typeUrl: HEALTH_TYPE, what: "the health of the workload" });
  if (stream === undefined)
    throw new CliError(ExitCode.Usage, "--control: the health of a workload is reported at HOST:PORT, not at a socket");
  const [{ watchHealth }, { ProxyAdmin }] = await Promise.all([
    import("../../control/proxy/probe/index.ts"),
    import("../../control/proxy/admin.ts"),
  ]);
  const envoy = new ProxyAdmin(admin);
  const stop = new AbortController();
  const changed = (problem: string | undefined) => {
    if (problem === undefined) log.info({}, "the workload is healthy");
    else log.warn({ reason: problem }, "the workload is not healthy");
    stream.report(problem);
  };
  const proxyReady = async () => {
    if (!(await envoy.ready())) throw new Error("the proxy is not ready");
  };
  const watching = watchHealth({ probe, changed, proxyReady }, stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
      await stream[Symbol.asyncDispose]();
    },
  };
}
