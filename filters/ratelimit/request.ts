import { toLower } from "../lib/bytes";
import { SocketAddress } from "../lib/cidr";
import { Claims } from "../lib/claims";
import { canonicalPath, EscapedSlashes, removeQueryAndFragment } from "../lib/url";
import { arena, Bytes, HeaderMap, PEER_PRINCIPAL, RequestView, SOURCE_ADDRESS, verifiedClaims } from "../sdk";

const DOT: u8 = 0x2e;
/** Bytes of a SPIFFE id (SPIFFE-ID, section 2.3). */
const MAX_PRINCIPAL: i32 = 2048;

/**
 * What descriptors look at, in a form in which all spellings of one thing are the same: else a client would have a bucket for each spelling. Lives in the
 * arena.
 */
@unmanaged
@final
export class LimitedRequest {
  private headersPointer: usize;
  private viewValue: RequestView | null;
  private sourceRead: bool;
  private sourceValue: SocketAddress | null;
  private principalRead: bool;
  private principalBad: bool;
  private principalValue: Bytes | null;

  static of(headers: HeaderMap): LimitedRequest {
    const request = changetype<LimitedRequest>(arena.allocate(offsetof<LimitedRequest>()));
    request.headersPointer = changetype<usize>(headers);
    request.viewValue = null;
    request.sourceRead = false;
    request.sourceValue = null;
    request.principalRead = false;
    request.principalBad = false;
    request.principalValue = null;
    return request;
  }

  /** Read when it is asked for: a limit by address or token needs no headers. */
  get view(): RequestView {
    let view = this.viewValue;
    if (view == null) {
      view = RequestView.of(changetype<HeaderMap>(this.headersPointer));
      this.viewValue = view;
    }
    return view;
  }

  /**
   * The path without query and fragment: normalised, `%2F` and `\` as slashes, slashes in a row as one. `null` for what no normalisation understands. Empty for a
   * CONNECT without a path (CVE-2026-73547).
   */
  get path(): Bytes | null {
    const path = this.view.path;
    if (path.length == 0) return path;
    return canonicalPath(removeQueryAndFragment(path), true, true, EscapedSlashes.Unescape);
  }

  /** The host in small letters, without port and without the dot at its end. */
  get host(): Bytes {
    const host = this.view.host;
    const length = host.length > 0 && host[host.length - 1] == DOT ? host.length - 1 : host.length;
    const copy = arena.allocate(<usize>length);
    for (let i = 0; i < length; i++) store<u8>(copy + <usize>i, toLower(host[i]));
    return Bytes.view(copy, length);
  }

  /** The client's address as Envoy sees it; `null` for a Unix socket. */
  get sourceAddress(): SocketAddress | null {
    const view = this.viewValue;
    if (view != null) return view.sourceAddress;
    if (!this.sourceRead) {
      this.sourceRead = true;
      const value = SOURCE_ADDRESS.once();
      this.sourceValue = value != null ? SocketAddress.parse(value) : null;
    }
    return this.sourceValue;
  }

  /** What the `authentication` filter of the same chain verified; empty without it. */
  get claims(): Claims {
    return verifiedClaims();
  }

  /** The first URI of the peer certificate's subject alternative names; `null` without mTLS, and where {@link principalUndecodable}. */
  get principal(): Bytes | null {
    if (!this.principalRead) {
      this.principalRead = true;
      const value = PEER_PRINCIPAL.once();
      if (value != null && value.length > 0) {
        // A SPIFFE id is visible ASCII. A NUL in it is an attempt to be somebody else (CVE-2025-66220).
        if (value.length <= MAX_PRINCIPAL && isVisibleAscii(value)) this.principalValue = value;
        else this.principalBad = true;
      }
    }
    return this.principalValue;
  }

  /** Whether there is a principal that cannot be read. */
  get principalUndecodable(): bool {
    return this.principal == null && this.principalBad;
  }
}

function isVisibleAscii(value: Bytes): bool {
  for (let i = 0; i < value.length; i++) {
    if (<u8>(value[i] - 0x21) > 0x7e - 0x21) return false;
  }
  return true;
}
