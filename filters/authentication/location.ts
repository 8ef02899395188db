import { Bytes, Text } from "../sdk";

export const enum LocationKind {
  Header,
  Parameter,
  Cookie,
}

/** A place where a token or an API key may stand, and who takes what stands there. Rules that name the same place share it. */
@final
export class Location {
  /** Indexes of the rules (or of the API key providers) that look here. */
  readonly users: Array<i32> = new Array<i32>();
  /** Of API keys: whether one of the providers wants it forwarded. What becomes of a token says the rule that took it. */
  forward: bool = false;

  constructor(
    readonly kind: LocationKind,
    readonly name: Text,
    /** Of the header's value; empty for other kinds. */
    readonly prefix: Text,
  ) {}

  sameAs(other: Location): bool {
    return this.kind == other.kind && this.name.bytes.equals(other.name.bytes) && this.prefix.bytes.equals(other.prefix.bytes);
  }

  /** The credential in a header's `value`; `null` where the value does not begin with the prefix. Compared with case, as Envoy does. */
  credentialIn(value: Bytes): Bytes | null {
    const prefix = this.prefix.bytes;
    return value.startsWith(prefix) ? value.slice(prefix.length).trim() : null;
  }
}
