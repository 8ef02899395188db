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
 * What rules look at: headers in one read, everything else once and only when it is asked for. Lives in the arena, so it ends with the
 * callback. Meant for request headers, before they are changed.
 */
@unmanaged
@final
export class RequestView {
  private headersPointer: usize;
  private targetValue: Bytes | null;
  private pathValue: Bytes | null;
  private hostValue: Bytes | null;
  private sourceRead: bool;
  private source: SocketAddress | null;

  static of(headers: HeaderMap): RequestView {
    const request = changetype<RequestView>(arena.allocate(offsetof<RequestView>()));
    request.headersPointer = changetype<usize>(headers);
    request.targetValue = null;
    request.pathValue = null;
    request.hostValue = null;
    request.sourceRead = false;
    request.source = null;
    return request;
  }

  /** `:path` whole. A request without it (CONNECT, CVE-2026-73547) has an empty path, which no path rule matches. */
  get target(): Bytes {
    const known = this.targetValue;
    if (known != null) return known;
    const path = this.headers.get(PATH);
    const target = path != null ? path : Bytes.empty();
    this.targetValue = target;
    return target;
  }

  /** `:path` without query. */
  get path(): Bytes {
    const known = this.pathValue;
    if (known != null) return known;
    const target = this.target;
    const mark = target.indexOf(QUESTION_MARK);
    const path = mark < 0 ? target : target.slice(0, mark);
    this.pathValue = path;
    return path;
  }

  /** After the `?`; empty without one. */
  get query(): Bytes {
    return this.target.slice(this.path.length + 1);
  }

  /** `:authority` without port. */
  get host(): Bytes {
    const known = this.hostValue;
    if (known != null) return known;
    const authority = this.authority;
    const host = authority != null ? hostOf(authority) : Bytes.empty();
    this.hostValue = host;
    return host;
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
