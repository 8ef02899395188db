import { type ClientIdentifier, formatSpiffeId, type Identity, IdentityError, peerChain } from "./identity/index.ts";
import type { Proxy } from "./model/index.ts";
import { type ClientIdentity, type StreamStatus, XdsError } from "./xds/server/index.ts";

/** What is known of a client by its connection. */
export interface ClientConnection {
  /** As gRPC has it (`AuthContext` of grpc-js). */
  readonly credentials: unknown;
  /** Its address. */
  readonly peer: string;
}

/** That a client may be a proxy, and for how long. */
export interface Authorization {
  readonly identity?: ClientIdentity;
  /** What has ended it since; asked every second. */
  readonly refusal?: () => XdsError | undefined;
}

export interface ProxyAuthorizerOptions {
  /** Throws an IdentityError where the certificates are not good. */
  readonly identify: ClientIdentifier;
  /** Throws an IdentityError where the identity, or its certificate, is revoked. Default: nothing is. */
  readonly requireNotRevoked?: (identity: Identity, serialNumber: string) => void;
  /** Calls back when something is revoked. */
  readonly onRevoked?: (listener: () => void) => void;
  /** Milliseconds since 1970. Default: the system's. */
  readonly clock?: () => number;
}

/**
 * Lets in as a proxy who has the certificate of its workload: namespace and service account of its node are those of the certificate, whatever its id says. Who comes without TLS is on the loopback
 * interface (a listener takes plain text nowhere else), and is believed.
 */
export class ProxyAuthorizer {
  private readonly options: ProxyAuthorizerOptions;
  private readonly clock: () => number;
  /** How often something was revoked. */
  private revocations = 0;

  constructor(options: ProxyAuthorizerOptions) {
    this.options = options;
    this.clock = options.clock ?? Date.now;
    options.onRevoked?.(() => (this.revocations += 1));
  }

  /** @throws XdsError `UNAUTHENTICATED` or `PERMISSION_DENIED` */
  async authorize(proxy: Proxy, { credentials }: ClientConnection): Promise<Authorization> {
    const proved = await this.prove(credentials);
    if (proved === undefined) return {};
    const { identity, serialNumber, notAfter } = proved;
    const { namespace, serviceAccount } = identity;
    if (namespace !== proxy.namespace || serviceAccount !== proxy.serviceAccount)
      throw new XdsError(
        "PERMISSION_DENIED",
        `the certificate is for ${namespace}/${serviceAccount}, and the node says that it is ${proxy.namespace}/${proxy.serviceAccount}: give the proxy the namespace and service account (metadata SERVICE_ACCOUNT) that it has a certificate for`,
      );
    let seen = this.revocations;
    return {
      identity: { name: formatSpiffeId(identity), notAfter },
      refusal: () => {
        if (this.clock() >= notAfter)
          return new XdsError("UNAUTHENTICATED", "the client's certificate has expired; connect again with another");
        if (seen === this.revocations) return undefined;
        seen = this.revocations;
        try {
          this.options.requireNotRevoked?.(identity, serialNumber);
          return undefined;
        } catch (error) {
          return refusalOf(error);
        }
      },
    };
  }

  /**
   * Of which proxies' status a client may know: in plain text of all, over TLS of those with its own identity.
   *
   * @throws XdsError `UNAUTHENTICATED` or `PERMISSION_DENIED`
   */
  async visibleTo(credentials: unknown): Promise<(status: StreamStatus) => boolean> {
    const proved = await this.prove(credentials);
    if (proved === undefined) return () => true;
    const name = formatSpiffeId(proved.identity);
    return ({ identity }) => identity?.name === name;
  }

  /** @returns undefined for who comes in plain text */
  private async prove(credentials: unknown): Promise<Awaited<ReturnType<ClientIdentifier>> | undefined> {
    const { transportSecurityType, sslPeerCertificate } = (credentials ?? {}) as {
      readonly transportSecurityType?: string;
      readonly sslPeerCertificate?: object;
    };
    if (transportSecurityType === undefined) return undefined;
    return this.options.identify(peerChain(sslPeerCertificate)).catch((error: unknown) => {
      throw refusalOf(error);
    });
  }
}

function refusalOf(error: unknown): XdsError {
  const { code, message } = IdentityError.from(error);
  return new XdsError(code === "revoked" ? "PERMISSION_DENIED" : code === "internal" ? "INTERNAL" : "UNAUTHENTICATED", message, {
    cause: error,
  });
}
