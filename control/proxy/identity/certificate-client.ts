import { isIP } from "node:net";
import { create } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { checkControlName } from "../../bootstrap/index.ts";
import { IstioCertificateRequestSchema } from "../../envoy-api/generated/security/v1alpha1/ca_pb.ts";
import { CREATE_CERTIFICATE } from "../../identity/index.ts";

/** Where certificates are asked for, and how that is known to be the control service. */
export interface CertificateSource {
  readonly host: string;
  readonly port: number;
  /** PEM: authorities of the control service's certificate. Absent: plain text, which is for the loopback interface. */
  readonly roots?: string;
  /** Name in its certificate. Default: the host, or that of a control service in certificates of the mesh itself. */
  readonly name?: string;
}

/** What proves who asks. */
export interface Credentials {
  /** A join token, or a token of a Kubernetes service account. */
  readonly token?: string;
  /** A certificate of the mesh that is still good; used over TLS alone. */
  readonly certificate?: { readonly chain: string; readonly key: string };
}

export interface CertificateAnswer {
  /** PEM, the workload's own certificate first. */
  readonly chain: string;
  /** PEM. */
  readonly roots: string;
}

/** Why there is no certificate. `final`: asking again with the same proof is no use. */
export class CertificateRefusal extends Error {
  readonly final: boolean;

  constructor(message: string, final: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = "CertificateRefusal";
    this.final = final;
  }
}

/** Milliseconds for an answer. */
const PATIENCE = 10_000;
/** Milliseconds without a word after which the control service is asked for a sign of life. */
const KEEPALIVE = 30_000;
const FINAL: readonly status[] = [status.UNAUTHENTICATED, status.PERMISSION_DENIED, status.INVALID_ARGUMENT, status.UNIMPLEMENTED];

/** A connection of its own to the control service, over TLS where it is known whom to trust; the certificate that is shown differs from one time to the next. It connects when it is used. */
export function connectTo({ host, port, roots, name }: CertificateSource, certificate?: Credentials["certificate"]): Client {
  const channel =
    roots === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(
          Buffer.from(roots),
          certificate === undefined ? null : Buffer.from(certificate.key),
          certificate === undefined ? null : Buffer.from(certificate.chain),
          { checkServerIdentity: (_, shown) => checkControlName(shown, name, host) },
        );
  const target = host.includes(":") ? `ipv6:[${host}]:${port}` : `${host}:${port}`;
  return new Client(target, channel, {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
    "grpc.keepalive_time_ms": KEEPALIVE,
    "grpc.keepalive_timeout_ms": PATIENCE,
    // RFC 6066, section 3: SNI has no addresses. What the certificate is for is looked at by checkServerIdentity.
    ...(isIP(host) !== 0 && { "grpc.ssl_target_name_override": "istiod.istio-system.svc" }),
  });
}

/**
 * Asks the control service for a certificate, as Istio's agents do.
 *
 * @param csr PKCS #10, PEM
 * @param lifetime milliseconds; 0 is the authority's default
 * @throws CertificateRefusal
 */
export async function askForCertificate(
  source: CertificateSource,
  csr: string,
  { token, certificate }: Credentials,
  lifetime = 0,
): Promise<CertificateAnswer> {
  const client = connectTo(source, certificate);
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  try {
    const certChain = await new Promise<readonly string[]>((resolve, reject) => {
      client.makeUnaryRequest(
        CREATE_CERTIFICATE.path,
        CREATE_CERTIFICATE.requestSerialize,
        CREATE_CERTIFICATE.responseDeserialize,
        create(IstioCertificateRequestSchema, { csr, validityDuration: BigInt(Math.round(lifetime / 1000)) }),
        metadata,
        { deadline: Date.now() + PATIENCE },
        (error, answer) => (error === null ? resolve(answer?.certChain ?? []) : reject(refusalOf(error))),
      );
    });
    const chain = certChain.slice(0, -1).join("");
    const trusted = certChain.at(-1) ?? "";
    if (chain === "") throw new CertificateRefusal("the control service answered without a certificate", false);
    return { chain, roots: trusted };
  } finally {
    client.close();
  }
}

function refusalOf(error: ServiceError): CertificateRefusal {
  const hint =
    error.code === status.UNIMPLEMENTED ? "the control service has no certificate authority: start it with --state or --ca" : error.details;
  return new CertificateRefusal(hint, FINAL.includes(error.code), { cause: error });
}
