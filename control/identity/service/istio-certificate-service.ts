import { create } from "@bufbuild/protobuf";
import { type handleUnaryCall, type ServiceDefinition, status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  type IstioCertificateRequest,
  type IstioCertificateResponse,
  IstioCertificateResponseSchema,
} from "../../envoy-api/generated/security/v1alpha1/ca_pb.ts";
import { readPem, pemOf } from "../chain/index.ts";
import { IdentityError, type IdentityErrorCode } from "../identity-error.ts";
import type { CertificateService } from "./certificate-service.ts";
import { CREATE_CERTIFICATE } from "./create-certificate.ts";

/** Certificates of a TLS connection that are read, at most. */
const LONGEST_CHAIN = 9;

/** With which status of gRPC a refusal ends a call; clients try again at UNAVAILABLE and RESOURCE_EXHAUSTED. */
const CODES: Readonly<Record<IdentityErrorCode, status>> = {
  "csr-malformed": status.INVALID_ARGUMENT,
  "csr-signature": status.INVALID_ARGUMENT,
  "csr-key": status.INVALID_ARGUMENT,
  "csr-ca": status.PERMISSION_DENIED,
  "csr-names": status.PERMISSION_DENIED,
  "csr-identity": status.PERMISSION_DENIED,
  lifetime: status.INVALID_ARGUMENT,
  "no-proof": status.UNAUTHENTICATED,
  "token-unknown": status.UNAUTHENTICATED,
  "token-expired": status.UNAUTHENTICATED,
  "token-revoked": status.UNAUTHENTICATED,
  "token-spent": status.UNAUTHENTICATED,
  "token-invalid": status.INVALID_ARGUMENT,
  "jwt-invalid": status.UNAUTHENTICATED,
  "jwt-keys": status.UNAVAILABLE,
  "certificate-malformed": status.UNAUTHENTICATED,
  "certificate-untrusted": status.UNAUTHENTICATED,
  "certificate-identity": status.UNAUTHENTICATED,
  revoked: status.PERMISSION_DENIED,
  revocation: status.INVALID_ARGUMENT,
  "rate-limit": status.RESOURCE_EXHAUSTED,
  state: status.UNAVAILABLE,
  rotation: status.FAILED_PRECONDITION,
  signer: status.UNAVAILABLE,
  internal: status.INTERNAL,
};

/**
 * `istio.v1.auth.IstioCertificateService` (istio/api, security/v1alpha1/ca.proto), with which Istio's agents ask for certificates: the request has a CSR in PEM and a number of seconds; the
 * answer's `cert_chain` begins with the workload's certificate, goes on with those of authorities, and its last entry is all the roots.
 */
export function istioCertificateService(certificates: CertificateService): {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
} {
  const createCertificate: handleUnaryCall<IstioCertificateRequest, IstioCertificateResponse> = (call, callback) => {
    const { csr, validityDuration } = call.request;
    certificates
      .create({
        csr,
        lifetime: Number(validityDuration) * 1000,
        authorization: call.metadata.get("authorization").map(String),
        chain: peerChain(call.getAuthContext().sslPeerCertificate),
        source: call.getPeer(),
      })
      .then(
        ({ chain, roots }) =>
          callback(
            null,
            create(IstioCertificateResponseSchema, { certChain: [...readPem(chain).map(({ label, der }) => pemOf(label, der)), roots] }),
          ),
        (thrown: unknown) => {
          const { code, message } = IdentityError.from(thrown);
          callback({ code: CODES[code], details: message });
        },
      );
  };
  return {
    definition: { createCertificate: CREATE_CERTIFICATE },
    implementation: { createCertificate },
  };
}

interface PeerCertificate {
  readonly raw?: Buffer;
  readonly issuerCertificate?: PeerCertificate;
}

/** The chain as Node shows it, each with its issuer; a root is its own. */
export function peerChain(own: object | undefined): readonly Buffer[] {
  const chain: Buffer[] = [];
  for (
    let each = own as PeerCertificate | undefined;
    each?.raw !== undefined && chain.length < LONGEST_CHAIN;
    each = each.issuerCertificate
  ) {
    if (chain.some((known) => known.equals(each?.raw ?? Buffer.alloc(0)))) break;
    chain.push(each.raw);
  }
  return chain;
}
