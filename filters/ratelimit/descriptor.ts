import { JsonKind } from "../lib/json";
import { BucketKey } from "../lib/token-bucket";
import { IPV4 } from "../lib/cidr";
import { highMask, lowMask } from "../lib/cidr/address";
import { arena, Bytes, Text } from "../sdk";
import { LimitedRequest } from "./request";

/** What of a request tells buckets apart. */
export const enum DescriptorKind {
  Header,
  Path,
  Method,
  Authority,
  Principal,
  RequestPrincipal,
  Consumer,
  Claim,
  SourceAddress,
  Constant,
}

/** Whether a request has what a descriptor looks at. */
export const enum Presence {
  Present,
  Absent,
  Undecodable,
}

/** One part of a bucket's key. */
@final
export class Descriptor {
  /** Where the request lacks it, the other descriptors alone choose the bucket. Envoy's `skip_if_absent`. */
  skipIfAbsent: bool = false;
  /** Bits of an address that count. Envoy's `masked_remote_address`. */
  v4PrefixMaskLen: i32 = 32;
  v6PrefixMaskLen: i32 = 128;
  /** Names of claims, one inside the other. */
  claim: Text[] = [];

  constructor(
    readonly kind: DescriptorKind,
    /** A header's name, or a constant. */
    readonly text: Text,
  ) {}

  /** Adds the value to `key`. */
  add(key: BucketKey, request: LimitedRequest): Presence {
    switch (this.kind) {
      case DescriptorKind.Header:
        return this.addHeader(key, request);
      case DescriptorKind.Path:
        // There is always a path, be it empty; what cannot be normalised is none that anybody could compare.
        return addOr(key, request.path, Presence.Undecodable);
      case DescriptorKind.Method:
        return addOr(key, request.view.method, Presence.Absent);
      case DescriptorKind.Authority:
        return addOr(key, request.host, Presence.Absent);
      case DescriptorKind.Principal:
        return addOr(key, request.principal, request.principalUndecodable ? Presence.Undecodable : Presence.Absent);
      case DescriptorKind.SourceAddress:
        return this.addAddress(key, request);
      case DescriptorKind.Constant:
        return addOr(key, this.text.bytes, Presence.Absent);
      default:
        return this.addClaim(key, request);
    }
  }

  /** All values, in order: a client that repeats a header must not choose which one counts (CVE-2020-25017). */
  private addHeader(key: BucketKey, request: LimitedRequest): Presence {
    const values = request.view.headers.values(this.text.bytes);
    if (!values.next()) return Presence.Absent;
    do key.add(values.value);
    while (values.next());
    key.addGap();
    return Presence.Present;
  }

  private addClaim(key: BucketKey, request: LimitedRequest): Presence {
    const claims = request.claims;
    if (claims.undecodable) return Presence.Undecodable;
    if (this.kind == DescriptorKind.RequestPrincipal) return addOr(key, claims.principal, Presence.Absent);
    if (this.kind == DescriptorKind.Consumer) return addOr(key, claims.consumer, Presence.Absent);
    const claim = claims.claim(this.claim);
    return addOr(key, claim != null && claim.kind != JsonKind.Null ? claim.text : null, Presence.Absent);
  }

  private addAddress(key: BucketKey, request: LimitedRequest): Presence {
    const source = request.sourceAddress;
    // A Unix socket, say; Envoy's remote_address makes no descriptor of it either.
    if (source == null) return Presence.Absent;
    const address = source.address;
    const bits = address.version == IPV4 ? this.v4PrefixMaskLen + 96 : this.v6PrefixMaskLen;
    const value = arena.allocate(24);
    store<u64>(value, address.high & highMask(bits));
    store<u64>(value, address.low & lowMask(bits), 8);
    store<u64>(value, <u64>address.version, 16);
    key.add(Bytes.view(value, 24));
    return Presence.Present;
  }
}

function addOr(key: BucketKey, value: Bytes | null, otherwise: Presence): Presence {
  if (value == null) return otherwise;
  key.add(value);
  return Presence.Present;
}
