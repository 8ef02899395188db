import { arena, Bytes } from "../bytes";

const COLON: u8 = 0x3a;

/** The value of {@link Authority.port} where there is none. */
export const NO_PORT: i32 = -1;
/** The value of {@link Authority.port} where what follows the colon is not a decimal number from 0 to 65535. */
export const BAD_PORT: i32 = -2;

/**
 * An `:authority` or Host header in its parts, cut where Envoy cuts it (`HeaderUtility::getPortStart`): the last colon begins the port
 * unless a `]` stands behind it. Brackets of an IPv6 literal belong to the host, as they do in a virtual host's `domains`; a trailing
 * dot is kept, since Envoy and Istio treat `a.example.` and `a.example` as two hosts.
 *
 * Hosts are compared with {@link sameHost}, which folds ASCII letters (CVE-2021-39155).
 */
@unmanaged
@final
export class Authority {
  /** The host without its port: `reviews`, `10.0.0.1`, `[::1]`, `a.example.`. */
  host: Bytes;
  /** 0 to 65535, {@link NO_PORT} or {@link BAD_PORT}. */
  port: i32;

  static parse(authority: Bytes): Authority {
    const parts = changetype<Authority>(arena.allocate(offsetof<Authority>()));
    const colon = portColon(authority);
    parts.host = colon < 0 ? authority : authority.slice(0, colon);
    parts.port = colon < 0 ? NO_PORT : parsePort(authority, colon + 1);
    return parts;
  }
}

/** The host of `authority` without its port, whatever the port looks like: what Istio matches `hosts` with. */
export function hostOf(authority: Bytes): Bytes {
  const colon = portColon(authority);
  return colon < 0 ? authority : authority.slice(0, colon);
}

/** Whether two authorities name the same host: letter case and ports are ignored, a trailing dot is not. */
export function sameHost(left: Bytes, right: Bytes): bool {
  return hostOf(left).equalsIgnoreCase(hostOf(right));
}

/** `host` without the brackets of an IPv6 literal (RFC 3986, section 3.2.2), ready to be parsed as an address. */
export function withoutBrackets(host: Bytes): Bytes {
  const last = host.length - 1;
  return last > 0 && host[0] == 0x5b && host[last] == 0x5d ? host.slice(1, last) : host;
}

/** A decimal port from `start` to the end of `text`, or {@link BAD_PORT}. */
export function parsePort(text: Bytes, start: i32): i32 {
  const digits = text.length - start;
  if (digits < 1 || digits > 5) return BAD_PORT;
  let port = 0;
  for (let i = start; i < text.length; i++) {
    const digit = text[i] - 0x30;
    if (digit > 9) return BAD_PORT;
    port = port * 10 + digit;
  }
  return port > 65535 ? BAD_PORT : port;
}

function portColon(authority: Bytes): i32 {
  for (let i = authority.length - 1; i >= 0; i--) {
    if (authority[i] == COLON) return i;
    if (authority[i] == 0x5d) return -1;
  }
  return -1;
}
