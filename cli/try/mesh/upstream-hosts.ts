import { create } from "@bufbuild/protobuf";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { type Address, AddressSchema } from "../../../control/envoy-api/generated/envoy/config/core/v3/address_pb.ts";
import type { ClusterLoadAssignment } from "../../../control/envoy-api/generated/envoy/config/endpoint/v3/endpoint_pb.ts";

/**
 * Addresses of the one scripted server. Hosts of a cluster need addresses that differ, or Envoy takes them for one, with the health of the first; so the server's socket has as many names
 * as the largest cluster has hosts.
 */
export class UpstreamHosts {
  /** Where the server listens. */
  readonly socket: string;
  private readonly folder: string;
  private readonly addresses: Address[] = [];

  constructor(folder: string) {
    this.folder = folder;
    this.socket = join(folder, "upstream");
  }

  /** Puts the server in the place of every host; health, weights, localities and priorities stay. */
  replace({ endpoints }: ClusterLoadAssignment): void {
    let index = 0;
    for (const { lbEndpoints } of endpoints) {
      for (const { hostIdentifier } of lbEndpoints) {
        if (hostIdentifier.case !== "endpoint") continue;
        const { value: host } = hostIdentifier;
        // By its name a host is known to routes that rewrite the authority to it.
        if (host.hostname === "" && host.address?.address.case === "socketAddress") host.hostname = host.address.address.value.address;
        host.address = this.address(index++);
        host.additionalAddresses = [];
      }
    }
  }

  /** The address of the host at a place of its cluster. */
  address(index: number): Address {
    let address = this.addresses[index];
    if (address === undefined) {
      const path = join(this.folder, `h${index}`);
      symlinkSync(this.socket, path);
      this.addresses[index] = address = create(AddressSchema, { address: { case: "pipe", value: { path } } });
    }
    return address;
  }
}
