import { readFile } from "node:fs/promises";
import type { BootstrapRequest, ListenAddress, NodeDescription } from "../../control/bootstrap/index.ts";
import type { Probe, WorkloadGroupSpec } from "../../control/kinds/workload-group/index.ts";
import { GROUP_KEY, type MeshObject } from "../../control/model/index.ts";
import type { ProxyIdentity } from "../../control/proxy/identity/index.ts";
import type { Log } from "../../control/proxy/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { meshSources } from "../control/mesh-sources.ts";
import type { ProxyOptions } from "./options.ts";

/** The probe of the WorkloadGroup that the proxy registers with, among the objects that it is given; none where there is none. It comes from files beside the proxy and from nowhere else: it may run a program. */
export async function probeIn({ file = [], meshConfig }: ProxyOptions, { metadata }: NodeDescription): Promise<Probe | undefined> {
  const name = metadata[GROUP_KEY];
  if (file.length === 0 || typeof name !== "string" || name === "") return undefined;
  const { readMesh } = await import("../../control/read-mesh.ts");
  const { mesh } = await readMesh(await meshSources(file, meshConfig));
  const groups = mesh.objects("WorkloadGroup") as readonly MeshObject<WorkloadGroupSpec>[];
  return groups.find((group) => group.metadata.name === name && group.metadata.namespace === metadata["NAMESPACE"])?.spec.probe;
}

export interface HealthOptions {
  readonly probe: Probe;
  /** Of the Envoy, as its bootstrap has it. */
  readonly node: unknown;
  readonly admin: ListenAddress;
  /** Whose certificate is shown to the control service. Default: that of the files in the request. */
  readonly identity: ProxyIdentity | undefined;
  readonly log: Log;
}

/** Runs a probe, and tells the control service what comes of it, until it is disposed of. */
export async function startHealth({ control, controlTls }: BootstrapRequest, options: HealthOptions): Promise<AsyncDisposable> {
  const { probe, node, admin, identity, log } = options;
  if ("path" in control)
    throw new CliError(ExitCode.Usage, "--control: the health of a workload is reported at HOST:PORT, not at a socket");
  const [{ HealthStream, watchHealth }, { ProxyAdmin }] = await Promise.all([
    import("../../control/proxy/probe/index.ts"),
    import("../../control/proxy/admin.ts"),
  ]);
  const text = async (path: string | undefined) => (path === undefined ? undefined : readFile(path, "utf8"));
  const [roots, chain, key] = await Promise.all([controlTls?.caFile, controlTls?.certificateFile, controlTls?.keyFile].map(text));
  const name = controlTls?.serverName;
  const source = { ...control, ...(roots !== undefined && { roots }), ...(name !== undefined && { name }) };
  const certificate = chain === undefined || key === undefined ? undefined : { chain, key };
  const stream = new HealthStream({ connection: () => identity?.connection ?? { source, certificate }, node, log });
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
