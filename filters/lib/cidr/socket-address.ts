import { arena, Bytes } from "../bytes";
import { parsePort } from "../url";
import { Address } from "./address";

/**
 * An address with a port, as Envoy writes `source.address` and `destination.address`: `10.0.0.1:8080`, `[::1]:8080`, and for
 * link-local addresses with a zone `[fe80::1%eth0]:8080`. The zone is dropped: it names an interface of this machine and takes no part
 * in ranges.
 */
@unmanaged
@final
export class SocketAddress {
  address: Address;
  /** 0 to 65535. */
  port: i32;

  /** Null where `text` is not both; so for a Unix domain socket, whose path Envoy puts there. */
  static parse(text: Bytes): SocketAddress | null {
    const colon = text.lastIndexOf(0x3a);
    if (colon < 1) return null;
    const port = parsePort(text, colon + 1);
    if (port < 0) return null;
    const address = parseHost(text.slice(0, colon));
    if (address == null) return null;
    const socket = changetype<SocketAddress>(arena.allocate(offsetof<SocketAddress>()));
    socket.address = address;
    socket.port = port;
    return socket;
  }
}

function parseHost(host: Bytes): Address | null {
  const last = host.length - 1;
  if (host[0] != 0x5b) return host.indexOf(0x3a) < 0 ? Address.parse(host) : null;
  if (last < 1 || host[last] != 0x5d) return null;
  const zone = host.indexOf(0x25);
  const address = host.slice(1, zone < 0 ? last : zone);
  // Brackets are for IPv6 alone.
  if (address.indexOf(0x3a) < 0 || (zone >= 0 && zone + 1 == last)) return null;
  return Address.parse(address);
}
