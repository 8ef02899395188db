// What Istio's sidecars do with captured traffic, written by hand as a static configuration.

import { writeFile } from "node:fs/promises";
import type { JsonObject } from "@bufbuild/protobuf";

const EXTENSIONS = "type.googleapis.com/envoy.extensions.filters.";
const typed = (message: string, fields: JsonObject = {}): JsonObject => ({ "@type": EXTENSIONS + message, ...fields });

export interface Places {
  readonly self: string;
  readonly local: string;
  /** What the listeners listen on, and from where the service beside it is connected to. Default: IPv4's `0.0.0.0` and `127.0.0.6`. */
  readonly bind?: string;
  readonly from?: string;
}

/** Every connection goes on to where it was meant for; answers tell by `x-via` which listener it came through. `self` leads back to `local`. */
export function capturingResources({ self, local, bind = "0.0.0.0", from = "127.0.0.6" }: Places) {
  const [host = "", port = ""] = local.split(":");
  const address = { socket_address: { address: host, port_value: Number(port) } };
  return {
    listeners: [
      listener("outbound", bind, 15_001, [
        { filter_chain_match: { prefix_ranges: [{ address_prefix: self, prefix_len: 32 }] }, filters: [manager("outbound", "self")] },
        { filters: [manager("outbound", "outbound")] },
      ]),
      listener("inbound", bind, 15_006, [{ filters: [manager("inbound", "inbound")] }]),
    ],
    clusters: [
      { name: "outbound", type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED", connect_timeout: "2s" },
      {
        name: "inbound",
        type: "ORIGINAL_DST",
        lb_policy: "CLUSTER_PROVIDED",
        connect_timeout: "2s",
        upstream_bind_config: { source_address: { address: from, port_value: 0 } },
      },
      {
        name: "self",
        type: "STATIC",
        connect_timeout: "2s",
        load_assignment: { cluster_name: "self", endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
      },
    ],
  };
}

export async function writeCapturingEnvoy(file: string, places: Places): Promise<void> {
  const admin = { address: { socket_address: { address: "127.0.0.1", port_value: 15_000 } } };
  await writeFile(file, JSON.stringify({ admin, static_resources: capturingResources(places) }));
}

function listener(name: string, bind: string, port: number, chains: JsonObject[]): JsonObject {
  return {
    name,
    address: { socket_address: { address: bind, port_value: port } },
    listener_filters: [{ name: "original_dst", typed_config: typed("listener.original_dst.v3.OriginalDst") }],
    filter_chains: chains,
  };
}

function manager(name: string, cluster: string): JsonObject {
  const via = { header: { key: "x-via", value: name } };
  const route_config = {
    name,
    virtual_hosts: [{ name, domains: ["*"], response_headers_to_add: [via], routes: [{ match: { prefix: "/" }, route: { cluster } }] }],
  };
  const http_filters = [{ name: "router", typed_config: typed("http.router.v3.Router") }];
  const config = { stat_prefix: name, route_config, http_filters };
  return { name: "hcm", typed_config: typed("network.http_connection_manager.v3.HttpConnectionManager", config) };
}
