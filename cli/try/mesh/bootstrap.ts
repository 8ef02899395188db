import { bootstrapOf } from "../../../control/bootstrap/index.ts";
import type { Proxy } from "../../../control/model/index.ts";
import type { Bootstrap } from "../../../harness/envoy/index.ts";
import { CliError, ExitCode } from "../../cli-error.ts";

/** The bootstrap of a proxy without what needs ports of its own: listeners for readiness and statistics, the admin interface at its place. */
export function privateBootstrap({ id, metadata }: Proxy, controlPort: number): Bootstrap {
  const made = bootstrapOf({ nodeId: id, metadata, control: { host: "127.0.0.1", port: controlPort } });
  if (!("bootstrap" in made)) throw new CliError(ExitCode.Usage, made.problems.join("\n"));
  const { node, dynamic_resources: dynamic, layered_runtime: runtime, static_resources: resources } = made.bootstrap as Required<Bootstrap>;
  const clusters = (resources.clusters ?? []).filter(({ name }) => name === "xds-grpc");
  return { node, dynamic_resources: dynamic, layered_runtime: runtime, static_resources: { clusters } };
}
