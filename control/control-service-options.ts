import type { AdmissionMode } from "./admission/index.ts";
import type { MeshHealthSettings } from "./health/index.ts";
import type { ControlLog } from "./log.ts";
import type { Proxy } from "./model/index.ts";
import type { Source } from "./model/source.ts";
import type { Authorization, ClientConnection } from "./proxy-authorizer.ts";
import type { State } from "./state/index.ts";
import type { XdsType } from "./xds/types/index.ts";

export interface ControlServiceOptions {
  /** Where objects come from. The service disposes of them. */
  readonly sources: readonly Source[];
  /** Where the last accepted objects are kept. The service disposes of it. Default: nowhere. */
  readonly state?: State;
  /** Hears what the service does. Default: nobody. */
  readonly log?: ControlLog;
  /** Whether proxies get routes and clusters when a request wants them, where their metadata does not say (`MESHWRIGHT_ON_DEMAND`). Default: false. */
  readonly onDemand?: boolean;
  /** Decides who may be which proxy. Default: who connects is believed, which is for the loopback interface. */
  readonly authorize?: (proxy: Proxy, client: ClientConnection) => Promise<Authorization>;
  /** Whether a change that brings a new error counts as far as it is good, or not at all. Default: `warn`, as far as it is good. */
  readonly admission?: AdmissionMode;
  /** Takes out hosts for all that most of their callers find bad. Default: every proxy sees to itself. */
  readonly meshHealth?: MeshHealthSettings;
  /** Where modules of users that were fetched are kept for a restart. Default: nowhere. */
  readonly moduleFolder?: string;
  /** Types of resources. Default: all that Envoy's proxies of a mesh use. */
  readonly types?: readonly XdsType[];
}
