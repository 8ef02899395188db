import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { bootstrapOf } from "../../control/bootstrap/index.ts";
import { CONTROL_AUTHORITIES, type Log } from "../../control/proxy/index.ts";
import { ProxyIdentity } from "../../control/proxy/identity/index.ts";
import { binaryProvider } from "../../harness/envoy/binary.ts";
import type { StartedEnvoy } from "../../harness/envoy/index.ts";
import type { ServedMesh } from "./authority.ts";

/** A proxy of the bookshop. */
export interface ProxyPlace {
  /** `reviews-v1` */
  readonly name: string;
  readonly nodeId: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * An Envoy with an identity of its own, as `meshwright proxy --token-file` runs one: a join token that is good once, a key that is made beside it, and secrets on a socket in `folder`.
 * What it takes goes to `resources`, to end with them.
 */
export async function startProxy(
  { name, nodeId, serviceAccount, labels }: ProxyPlace,
  { identity, xds, roots }: ServedMesh,
  folder: string,
  log: Log,
  resources: AsyncDisposableStack,
): Promise<StartedEnvoy> {
  const workload = { namespace: "default", serviceAccount };
  const { token } = identity.tokens.create(workload);
  const control = { host: "127.0.0.1", port: xds.port };
  const socket = join(folder, `${name}.sds`);
  const source = { ...control, roots: await readFile(roots, "utf8") };
  resources.use(await ProxyIdentity.start({ source, workload, token: async () => token, socket, log }));
  const made = bootstrapOf({
    nodeId,
    // All are on this machine, and nothing is redirected: Sidecars say where they listen.
    metadata: { LABELS: labels, SERVICE_ACCOUNT: serviceAccount, INTERCEPTION_MODE: "NONE" },
    control,
    controlTls: { caFile: roots },
    secrets: { path: socket, controlAuthorities: CONTROL_AUTHORITIES },
  });
  if (!("bootstrap" in made)) throw new Error(`no bootstrap for ${nodeId}: ${JSON.stringify(made)}`);
  // Several Envoys share a machine: none gets the fixed ports for metrics and readiness.
  const { static_resources: statics, admin: _, ...rest } = made.bootstrap;
  return resources.use(await binaryProvider.start({ ...rest, static_resources: { ...(statics as object), listeners: [] } }));
}
