import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { ProxyView } from "../../model/index.ts";
import type { ProofRequest } from "../../proof/index.ts";

/** One of xDS's resource types: how its resources are made for a proxy. */
export interface XdsType<Desc extends DescMessage = DescMessage> {
  /** As `--type` of the command line has it: `listener`, `scope`, `route`, `cluster`, `endpoint`, `filter`, `secret`, `roots`. */
  readonly name: string;
  readonly schema: Desc;
  /**
   * What the proxy's resources are made from, one by one, such as the hosts that it may call. A unit is translated again only when a fact that it read has changed; so a
   * unit should be as small as what changes by itself.
   */
  units(view: ProxyView): Iterable<string>;
  /** How the protocol treats the type; see `ResourceTypeRules` of the server. */
  readonly rules: {
    readonly order: number;
    readonly complete: boolean;
    readonly wildcard: boolean;
    readonly waitsFor?: readonly string[];
    readonly sensitive?: boolean;
    readonly keeps?: boolean;
    readonly lingers?: (name: string) => number;
    readonly reworded?: (value: Uint8Array, occasion: number) => Uint8Array;
  };
  /** The resources of one unit. Pure: depends on nothing but the view; the same facts yield the same bytes. */
  translate(view: ProxyView, unit: string): readonly Translated<Desc>[];
  /** What a proxy gets that waits for a name that does not exist, where Envoy would wait for ever. Default: that it does not exist. */
  absent?(name: string): MessageShape<Desc>;
  /** Resources that must be sent again after this one, as the endpoints of a changed cluster (see `Resource.companions` of the server). */
  companions?(name: string, message: MessageShape<Desc>): readonly { readonly typeUrl: string; readonly name: string }[];
}

export interface Translated<Desc extends DescMessage = DescMessage> {
  /** Unique within the type for one proxy. */
  readonly name: string;
  readonly message: MessageShape<Desc>;
  /** Whether it is given only to proxies that ask for it by its name, and is no part of `*`. Default: false. */
  readonly onDemand?: boolean;
  /** Where it is known without a module: what it is made of is still under way, or cannot be had. The proxy keeps what it has, as with `proofs`. */
  readonly judged?: "pending" | "refused";
  /** What modules have to take before this is sent; until then, and where one refuses, the proxy keeps what it has. Default: nothing. */
  readonly proofs?: readonly ProofRequest[];
  /** What is sent in its place to a proxy that has nothing to keep, where a module refuses; it lets nothing past. Default: nothing is sent. */
  closed?(): MessageShape<Desc>;
  /** What is sent to such a proxy until all modules have answered. Default: nothing is sent. */
  meanwhile?(): MessageShape<Desc>;
}
