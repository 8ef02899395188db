import { arena, Bytes } from "../../lib/bytes";
import { SocketAddress } from "../../lib/cidr";
import { Claims } from "../../lib/claims";
import { Cookies, hostOf, queryParameter } from "../../lib/url";
import { HeaderMap } from "../hostcalls/header-map";
import { randomBelow } from "../hostcalls/random";
import { SOURCE_ADDRESS } from "./connection";
import { verifiedClaims } from "./verified-claims";

// @ts-ignore: decorator
@lazy
const PATH = Bytes.of(":path");
// @ts-ignore: decorator
@lazy
const METHOD = Bytes.of(":method");
// @ts-ignore: decorator
@lazy
const SCHEME = Bytes.of(":scheme");
// @ts-ignore: decorator
@lazy
const AUTHORITY = Bytes.of(":authority");
// @ts-ignore: decorator
@lazy
const COOKIE = Bytes.of("cookie");
const QUESTION_MARK: u8 = 0x3f;
const COLON: u8 = 0x3a;

/**
 * What rules look at: headers in one read, every other attribute once and only when it is asked for. Lives in the arena, so it ends with the
 * callback. Meant for request headers, before they are changed.
 */
@unmanaged
@final
export class RequestView {
  /** `:path` whole. */
  target: Bytes;
  /** `:path` without query. */
  path: Bytes;
  /** After the `?`; empty without one. */
  query: Bytes;
  /** `:authority` without port. */
  host: Bytes;
  private headersPointer: usize;
  private sourceRead: bool;
  private source: SocketAddress | null;

  /** A request without `:path` (CONNECT, CVE-2026-73547) has an empty path, which no path rule matches. */
  static of(headers: HeaderMap): RequestView {
    const request = changetype<RequestView>(arena.allocate(offsetof<RequestView>()));
    const target = headers.get(PATH);
    request.target = target != null ? target : Bytes.empty();
    const mark = request.target.indexOf(QUESTION_MARK);
    request.path = mark < 0 ? request.target : request.target.slice(0, mark);
    request.query = mark < 0 ? Bytes.empty() : request.target.slice(mark + 1);
    const authority = headers.get(AUTHORITY);
    request.host = authority != null ? hostOf(authority) : Bytes.empty();
    request.headersPointer = changetype<usize>(headers);
    request.sourceRead = false;
    request.source = null;
    return request;
  }

  get headers(): HeaderMap {
    return changetype<HeaderMap>(this.headersPointer);
  }

  get method(): Bytes | null {
    return this.headers.get(METHOD);
  }

  get scheme(): Bytes | null {
    return this.headers.get(SCHEME);
  }

  get authority(): Bytes | null {
    return this.headers.get(AUTHORITY);
  }

  queryParameter(name: Bytes): Bytes | null {
    return queryParameter(this.query, name);
  }

  /** The first cookie of that name over all Cookie headers. */
  cookie(name: Bytes): Bytes | null {
    const lines = this.headers.values(COOKIE);
    while (lines.next()) {
      const cookies = Cookies.of(lines.value);
      while (cookies.next()) {
        if (cookies.name.equals(name)) return cookies.value;
      }
    }
    return null;
  }

  /** The client's address as Envoy sees it (after the PROXY protocol and trusted hops); `null` for a Unix socket. */
  get sourceAddress(): SocketAddress | null {
    if (!this.sourceRead) {
      this.sourceRead = true;
      const value = SOURCE_ADDRESS.once();
      this.source = value != null ? SocketAddress.parse(value) : null;
    }
    return this.source;
  }

  /** The same as text without the port; `null` for a Unix socket. */
  get sourceIp(): Bytes | null {
    const value = SOURCE_ADDRESS.once();
    if (value == null) return null;
    const colon = value.lastIndexOf(COLON);
    return colon > 0 ? value.slice(0, colon) : null;
  }

  /** What the `authentication` filter of the same chain verified; empty without it. */
  get claims(): Claims {
    return verifiedClaims();
  }

  /** A number from 0 up to, not including, `bound`. */
  randomBelow(bound: u32): u32 {
    return randomBelow(bound);
  }
}
