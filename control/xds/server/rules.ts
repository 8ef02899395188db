import { XdsError } from "./error.ts";

/** What the protocol has to know of one resource type. The composition root hands them in; the server itself knows no type. */
export interface ResourceTypeRules {
  /** For instance `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
  readonly typeUrl: string;
  /**
   * The place within a push, with gaps: lower first, so that what is referred to is there before what refers to it (make before break). Removals
   * follow in the reverse order. https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol#eventual-consistency-considerations
   */
  readonly order: number;
  /**
   * In the state-of-the-world variant a response holds everything, and what is absent is deleted: so for listeners, clusters and, in Envoy, scopes.
   * Other types answer with what is new or asked for.
   */
  readonly complete: boolean;
  /** Whether `*`, or a first request without names, subscribes to everything. */
  readonly wildcard: boolean;
  /**
   * Types whose additions the client should have accepted before changes of this type are sent. Envoy acknowledges clusters when they are warm (it
   * pauses CDS until then); a route that names a cluster which is not warm answers 503. The wait ends after {@link StreamLimits.warming}.
   * Default: none.
   */
  readonly waitsFor?: readonly string[];
  /**
   * For clients that accept what they have refused, where it comes again unchanged, and do not put it in force: Envoy compares a secret with the last one that came before it looks whether that is any
   * good (`SdsApi::onConfigUpdate`). Each resource then comes in a response of its own, so that a refusal says which it is and nothing is sent again to find out. To a client that returns, or has refused
   * it, it comes in other bytes that mean the same: whatever it then says of them, it has looked at them. What was refused is offered again when another of the type was accepted, and after
   * {@link StreamLimits.offerAgain}. Such a type has no wildcard. Default: clients look at everything.
   *
   * @param occasion another number, other bytes
   */
  readonly reworded?: (value: Uint8Array, occasion: number) => Uint8Array;
  /**
   * Whether a client that has a resource keeps it when there is none of that name any more, until it does not want it itself. So for filters of HTTP: what Envoy is told to remove is missed by chains that
   * still drain, which then answer with 500. Default: false.
   */
  readonly keeps?: boolean;
  /**
   * Milliseconds for which a client keeps a resource that there is no more of, at most 64 of them at once: what refers to it by its name has changed by then, but requests that were let in before may still
   * wait for an answer by it. Default: 0, it goes as soon as what refers to it has changed.
   */
  readonly lingers?: (name: string) => number;
  /**
   * Whether clients say something by requests of this type and ask for nothing: the health of their workload, as Istio's agents do. There are no resources of it, and no answer but that it was heard. Default: false.
   */
  readonly reports?: boolean;
  /** Whether the content of resources is shown to nobody but the proxies that get them: private keys. Default: false. */
  readonly sensitive?: boolean;
}

/** The resource types of a server, in their order. */
export class TypeTable {
  readonly all: readonly ResourceTypeRules[];
  private readonly byUrl: ReadonlyMap<string, ResourceTypeRules>;

  constructor(rules: readonly ResourceTypeRules[]) {
    this.all = rules.toSorted((a, b) => a.order - b.order);
    this.byUrl = new Map(rules.map((rule) => [rule.typeUrl, rule]));
    if (this.byUrl.size !== rules.length) throw new TypeError("a type URL has two sets of rules");
  }

  /** Throws {@link XdsError} `INVALID_ARGUMENT` for what this server does not serve. */
  get(typeUrl: string): ResourceTypeRules {
    const rules = this.byUrl.get(typeUrl);
    if (rules !== undefined) return rules;
    if (typeUrl === "") throw new XdsError("INVALID_ARGUMENT", "type_url is empty; on an aggregated stream every request names its type");
    if (/^type\.googleapis\.com\/envoy\.(api\.v2|[a-z.]+\.v2(alpha)?)\./.test(typeUrl)) {
      throw new XdsError(
        "INVALID_ARGUMENT",
        `${quote(typeUrl)} is of version 2 of the API, which Envoy dropped in 1.18: set resource_api_version: V3`,
      );
    }
    const known = this.all.map((rule) => rule.typeUrl.slice(rule.typeUrl.lastIndexOf(".") + 1)).join(", ");
    throw new XdsError("INVALID_ARGUMENT", `resources of type ${quote(typeUrl)} are not served here; known types are ${known}`);
  }
}

/** A client's own text in an error: bounded, on one line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text);
}
