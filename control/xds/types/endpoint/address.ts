import { create } from "@bufbuild/protobuf";
import { type Address, AddressSchema } from "../../../envoy-api/generated/envoy/config/core/v3/address_pb.ts";

/** An address of Envoy's: of a unix socket where it is `unix://PATH` (`@` for an abstract one), else of TCP. */
export function addressOf(address: string, port: number): Address {
  if (address.startsWith("unix://"))
    return create(AddressSchema, { address: { case: "pipe", value: { path: address.slice("unix://".length) } } });
  return create(AddressSchema, {
    address: { case: "socketAddress", value: { address, portSpecifier: { case: "portValue", value: port } } },
  });
}
