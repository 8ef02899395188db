import type { Proxy } from "../../../control/model/proxy.ts";
import type { Direction } from "./aim.ts";
import type { Callouts } from "./scripted-server.ts";

export interface MeshOptions {
  /** Files and directories with the objects of the mesh. */
  readonly files: readonly string[];
  readonly meshConfig?: string;
  readonly proxy: Proxy;
  /** Of a sidecar. Default: `outbound`. */
  readonly direction?: Direction;
  /** What clusters answer that filters call. */
  readonly callouts: Callouts;
}
