import type { Protocol } from "../../../model/index.ts";
import type { Side } from "../filter/index.ts";
import type { HttpRoutes } from "./http-routes.ts";

export interface HttpOptions {
  readonly side: Side;
  /** Names the statistics. */
  readonly statPrefix: string;
  readonly routes: HttpRoutes;
  /** On which requests come, for filters that are meant for some ports only. */
  readonly port: number;
  readonly protocol: Protocol;
}
