import type { ControlService } from "../control-service.ts";
import { typeUrl } from "../envoy-api/index.ts";
import type { Proxy } from "../model/index.ts";
import type { ClientIdentity, StreamStatus, TypeStatus } from "../xds/server/index.ts";
import { XDS_TYPES } from "../xds/types/index.ts";

/** One proxy, as `meshwright status` shows it. Times are milliseconds since 1970. */
export interface ProxyStatus {
  readonly id: string;
  readonly type: Proxy["type"];
  readonly namespace: string;
  readonly clusterId: string;
  /** Of its Envoy; empty where it does not say. */
  readonly version: string;
  readonly peer: string;
  readonly connectedAt: number;
  /** Whom it has proved to be, and until when; null where it has proved nothing. */
  readonly identity: ClientIdentity | null;
  /** The worst of its types. */
  readonly state: TypeStatus["state"];
  readonly types: readonly ProxyTypeStatus[];
}

export interface ProxyTypeStatus extends Omit<TypeStatus, "typeUrl"> {
  /** `listener`, `route`, ... */
  readonly type: string;
}

const NAMES: ReadonlyMap<string, string> = new Map(XDS_TYPES.map(({ name, schema }) => [typeUrl(schema), name]));
const WORST_FIRST: readonly TypeStatus["state"][] = ["NACK", "STALE", "SYNCED", "NOT SENT"];

/** Every proxy that is connected, by id; of several streams of one proxy each type is that of the stream which asked for it last. */
export function proxyStatus(service: ControlService, statuses = service.status()): readonly ProxyStatus[] {
  const streams = Map.groupBy(statuses, ({ proxy }) => proxy);
  return service
    .proxies()
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .flatMap((proxy) => {
      const [first, ...others] = streams.get(proxy.id) ?? [];
      return first === undefined ? [] : [statusOf(proxy, [first, ...others])];
    });
}

function statusOf(proxy: Proxy, streams: readonly [StreamStatus, ...StreamStatus[]]): ProxyStatus {
  const [first] = streams;
  const types = first.types.map((own) => {
    const all = streams.flatMap((stream) => stream.types.filter(({ typeUrl: url }) => url === own.typeUrl));
    const { typeUrl: url, ...status } = all.findLast(({ state }) => state !== "NOT SENT") ?? own;
    return { type: NAMES.get(url) ?? url, ...status };
  });
  return {
    id: proxy.id,
    type: proxy.type,
    namespace: proxy.namespace,
    clusterId: proxy.clusterId,
    version: proxy.envoyVersion,
    peer: first.peer,
    connectedAt: first.connectedAt,
    identity: first.identity ?? null,
    state: WORST_FIRST.find((state) => types.some((each) => each.state === state)) ?? "NOT SENT",
    types,
  };
}
