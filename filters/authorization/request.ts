import { Address, SocketAddress } from "../lib/cidr";
import { Claims } from "../lib/claims";
import { removeQueryAndFragment } from "../lib/url";
import { arena, Bytes, HeaderMap, PEER_PRINCIPAL, Property, SOURCE_ADDRESS, Text, verifiedClaims } from "../sdk";
import { Limits } from "./limits";
import { trustedAddress } from "./remote-address";

const PATH = Bytes.of(":path");
const METHOD = Bytes.of(":method");
export const AUTHORITY = Bytes.of(":authority");
const COMMA: u8 = 0x2c;

const ATTRIBUTES = Property.list("destination.address destination.port connection.requested_server_name");
const DESTINATION_ADDRESS = 0;
const DESTINATION_PORT = 1;
const SERVER_NAME = 2;
const DIRECT_ADDRESS_STATE = "meshwright.direct_remote_address";
/** Set by a native filter in front where `source.address` is not the peer's: `%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%`. */
const directAddress = Property.of(["filter_state", DIRECT_ADDRESS_STATE]);

const UNDECODABLE_PRINCIPAL = Text.of("undecodable_principal");
const UNDECODABLE_AUTHORITY = Text.of("undecodable_authority");
const UNDECODABLE_TOKEN = Text.of("undecodable_token");
const UNKNOWN_SOURCE = Text.of("unknown_source_address");
const UNKNOWN_DESTINATION = Text.of("unknown_destination_address");
const MISSING_PATH = Text.of("missing_path");

/** Which of the lazily read attributes are there already, as bits. */
const enum Read {
  Principal = 1,
  Source = 2,
  Remote = 4,
  Destination = 8,
  Port = 16,
  ServerName = 32,
  Token = 64,
  Authority = 128,
}

/**
 * What conditions look at. Headers are one read; every other attribute is a hostcall, made once and only when a condition asks for it. Lives in
 * the arena, so it ends with the callback.
 *
 * An attribute that is there and cannot be decoded leaves its name in {@link problem}. The condition then fails either way, and who asked denies the
 * request whatever else matched: a value that nobody can read is no reason to let somebody in.
 */
@unmanaged
@final
export class RequestView {
  /** The first thing that could not be decoded; null so far. */
  problem: Text | null;
  private headersPointer: usize;
  private trustedHops: i32;
  private read: i32;
  /** Which of them are there and could not be decoded; each look at one reports it anew. */
  private failed: i32;
  private pathValue: Bytes | null;
  private principalValue: Bytes | null;
  private sourceValue: Address | null;
  private remoteValue: Address | null;
  private destinationValue: Address | null;
  private serverNameValue: Bytes | null;
  private tokenValue: Claims | null;
  private portValue: i32;

  static of(headers: HeaderMap, trustedHops: i32): RequestView {
    const request = changetype<RequestView>(arena.allocate(offsetof<RequestView>()));
    memory.fill(changetype<usize>(request), 0, offsetof<RequestView>());
    request.headersPointer = changetype<usize>(headers);
    request.trustedHops = trustedHops;
    const target = headers.get(PATH);
    request.pathValue = target != null ? removeQueryAndFragment(target) : null;
    return request;
  }

  get headers(): HeaderMap {
    return changetype<HeaderMap>(this.headersPointer);
  }

  /** `:path` whole; `null` for a CONNECT without one. */
  get target(): Bytes | null {
    return this.headers.get(PATH);
  }

  /** `:path` without query; `null`, and a {@link problem}, for a CONNECT without one: a rule about paths cannot judge it (CVE-2026-73547). */
  get path(): Bytes | null {
    const path = this.pathValue;
    if (path == null) this.report(MISSING_PATH);
    return path;
  }

  get method(): Bytes | null {
    return this.headers.get(METHOD);
  }

  /** `:authority`. Envoy makes `a,b` of `:authority: a` and a `host: b` beside it, or of two `host`: nobody can say which of them the upstream takes. */
  get authority(): Bytes | null {
    const value = this.headers.get(AUTHORITY);
    if (this.claim(Read.Authority) && value != null && (value.indexOf(COMMA) >= 0 || !isVisibleAscii(value))) this.failed |= Read.Authority;
    if (this.failed & Read.Authority) this.report(UNDECODABLE_AUTHORITY);
    return value;
  }

  /** The first URI of the peer certificate's subject alternative names; `null` without mTLS. */
  get principal(): Bytes | null {
    if (this.claim(Read.Principal)) {
      const value = PEER_PRINCIPAL.once();
      if (value != null && value.length > 0) {
        // A SPIFFE id is visible ASCII. Anything else, a NUL above all, is an attempt (CVE-2025-66220).
        if (isVisibleAscii(value) && value.length <= Limits.PRINCIPAL) this.principalValue = value;
        else this.failed |= Read.Principal;
      }
    }
    if (this.failed & Read.Principal) this.report(UNDECODABLE_PRINCIPAL);
    return this.principalValue;
  }

  /** The address of the direct peer: Istio's `source.ip`. */
  get source(): Address | null {
    if (this.claim(Read.Source)) {
      const text = this.sourceText;
      const parsed = text != null ? SocketAddress.parse(text) : null;
      // Port 0: Envoy took the address from x-forwarded-for, and no property has the peer's.
      if (parsed != null && parsed.port != 0) this.sourceValue = parsed.address;
      else this.failed |= Read.Source;
    }
    if (this.failed & Read.Source) this.report(UNKNOWN_SOURCE);
    return this.sourceValue;
  }

  /** The peer's `ip:port`, as Envoy writes it. */
  get sourceText(): Bytes | null {
    const direct = directAddress.get();
    return direct != null ? direct : SOURCE_ADDRESS.once();
  }

  /** The address of the client behind trusted proxies: Istio's `remote.ip`. */
  get remote(): Address | null {
    if (this.claim(Read.Remote)) {
      const text = SOURCE_ADDRESS.once();
      const parsed = text != null ? SocketAddress.parse(text) : null;
      if (parsed != null) {
        const hops = this.trustedHops;
        this.remoteValue = hops == 0 ? parsed.address : trustedAddress(this.headers, hops, parsed.address);
      }
      if (this.remoteValue == null) this.failed |= Read.Remote;
    }
    if (this.failed & Read.Remote) this.report(UNKNOWN_SOURCE);
    return this.remoteValue;
  }

  get destination(): Address | null {
    if (this.claim(Read.Destination)) {
      const text = unchecked(ATTRIBUTES[DESTINATION_ADDRESS]).get();
      const parsed = text != null ? SocketAddress.parse(text) : null;
      if (parsed != null) this.destinationValue = parsed.address;
      else this.failed |= Read.Destination;
    }
    if (this.failed & Read.Destination) this.report(UNKNOWN_DESTINATION);
    return this.destinationValue;
  }

  get port(): i32 {
    if (this.claim(Read.Port)) {
      this.portValue = <i32>unchecked(ATTRIBUTES[DESTINATION_PORT]).getInteger(-1);
      if (this.portValue < 0) this.failed |= Read.Port;
    }
    if (this.failed & Read.Port) this.report(UNKNOWN_DESTINATION);
    return this.portValue;
  }

  /** The SNI; empty without. */
  get serverName(): Bytes {
    if (this.claim(Read.ServerName)) {
      const value = unchecked(ATTRIBUTES[SERVER_NAME]).get();
      this.serverNameValue = value != null ? value : Bytes.empty();
    }
    return changetype<Bytes>(this.serverNameValue);
  }

  /** What `authentication` verified; `null` for an unauthenticated request. */
  get token(): Claims | null {
    if (this.claim(Read.Token)) {
      const claims = verifiedClaims();
      if (claims.authenticated) this.tokenValue = claims;
      if (claims.undecodable) this.failed |= Read.Token;
    }
    if (this.failed & Read.Token) this.report(UNDECODABLE_TOKEN);
    return this.tokenValue;
  }

  report(problem: Text): void {
    if (this.problem == null) this.problem = problem;
  }

  /** Whether `attribute` has not been read yet; now it counts as read. */
  private claim(attribute: Read): bool {
    if (this.read & attribute) return false;
    this.read |= attribute;
    return true;
  }
}

function isVisibleAscii(value: Bytes): bool {
  for (let i = 0; i < value.length; i++) {
    if (<u8>(value[i] - 0x21) > 0x7e - 0x21) return false;
  }
  return true;
}
