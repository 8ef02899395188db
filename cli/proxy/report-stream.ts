import { readFile } from "node:fs/promises";
import type { BootstrapRequest } from "../../control/bootstrap/index.ts";
import type { ProxyIdentity } from "../../control/proxy/identity/index.ts";
import type { ReportStream, ReportStreamOptions } from "../../control/proxy/report-stream.ts";

export interface ReporterOptions extends Omit<ReportStreamOptions, "connection"> {
  /** Whose certificate is shown to the control service. Default: that of the files in the request. */
  readonly identity: ProxyIdentity | undefined;
}

/** A stream to the control service at which the proxy's bootstrap asks; undefined where that is a socket of the file system. */
export async function reportStream({ control, controlTls }: BootstrapRequest, options: ReporterOptions): Promise<ReportStream | undefined> {
  if ("path" in control) return undefined;
  const { ReportStream: Stream } = await import("../../control/proxy/report-stream.ts");
  const text = async (path: string | undefined) => (path === undefined ? undefined : readFile(path, "utf8"));
  const [roots, chain, key] = await Promise.all([controlTls?.caFile, controlTls?.certificateFile, controlTls?.keyFile].map(text));
  const name = controlTls?.serverName;
  const source = { ...control, ...(roots !== undefined && { roots }), ...(name !== undefined && { name }) };
  const certificate = chain === undefined || key === undefined ? undefined : { chain, key };
  const { identity, ...others } = options;
  return new Stream({ ...others, connection: () => identity?.connection ?? { source, certificate } });
}
