import { Address, RangeSet } from "../lib/cidr";
import { Glob } from "../lib/glob";
import { Bytes, Text } from "../sdk";
import { Condition, Dimension, Key, KeyKind } from "./condition";
import { PrincipalMatch } from "./principal-match";
import { RequestView } from "./request";
import { anyMatches } from "./values";

/** `principals`, `namespaces`, `serviceAccounts`: of the peer's SPIFFE id. Without mTLS none is found. */
@final
export class PrincipalCondition extends Condition {
  constructor(
    negated: bool,
    private readonly by: Dimension,
    private readonly principals: PrincipalMatch[],
  ) {
    super(negated);
  }

  found(request: RequestView): bool {
    const principal = request.principal;
    if (principal == null) return false;
    for (let i = 0; i < this.principals.length; i++) {
      if (unchecked(this.principals[i]).matches(principal)) return true;
    }
    return false;
  }

  get dimension(): i32 {
    return this.by;
  }

  keys(): Key[] | null {
    const keys: Key[] = [];
    for (let i = 0; i < this.principals.length; i++) {
      const key = this.principals[i].key;
      if (key == null) return null;
      keys.push(key);
    }
    return keys;
  }
}

/** Which address an {@link AddressCondition} is about. */
export const enum AddressOf {
  /** `ipBlocks`, `source.ip`: the direct peer. */
  Source,
  /** `remoteIpBlocks`, `remote.ip`: the client behind trusted proxies. */
  Remote,
  /** `destination.ip`: the connection's local address. */
  Destination,
}


@final
export class AddressCondition extends Condition {
  constructor(
    negated: bool,
    private readonly whose: AddressOf,
    private readonly ranges: RangeSet,
  ) {
    super(negated);
  }

  found(request: RequestView): bool {
    let address: Address | null = null;
    if (this.whose == AddressOf.Source) address = request.source;
    else if (this.whose == AddressOf.Remote) address = request.remote;
    else address = request.destination;
    return address != null && this.ranges.contains(address);
  }
}

/** `connection.sni`: the name in the TLS handshake, empty without one. */
@final
export class ServerNameCondition extends Condition {
  constructor(
    negated: bool,
    private readonly names: Glob[],
  ) {
    super(negated);
  }

  found(request: RequestView): bool {
    return anyMatches(this.names, request.serverName);
  }
}
