import type { Mesh } from "../../../control/mesh/index.ts";
import type { Proxy } from "../../../control/model/proxy.ts";
import type { Snapshot } from "../../../control/xds/server/index.ts";
import type { Direction } from "./aim.ts";
import type { Callouts } from "./scripted-server.ts";

export interface MeshOptions {
  /** Files and directories with the objects of the mesh; or the mesh, where it is read already. */
  readonly files: readonly string[] | Mesh;
  readonly meshConfig?: string;
  /** Changes what the proxy would get before it runs. Default: nothing. */
  readonly edit?: (snapshot: Snapshot) => Snapshot;
  readonly proxy: Proxy;
  /** Of a sidecar. Default: `outbound`. */
  readonly direction?: Direction;
  /** What clusters answer that filters call. */
  readonly callouts: Callouts;
}
