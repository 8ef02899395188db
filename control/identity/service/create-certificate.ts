import { fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from "../../envoy-api/generated/security/v1alpha1/ca_pb.ts";

type Request = MessageShape<typeof IstioCertificateRequestSchema>;
type Response = MessageShape<typeof IstioCertificateResponseSchema>;

/** The one method of Istio's `IstioCertificateService` (istio/api, security/v1alpha1/ca.proto), for its server and its clients. */
export const CREATE_CERTIFICATE: MethodDefinition<Request, Response> = {
  path: "/istio.v1.auth.IstioCertificateService/CreateCertificate",
  requestStream: false,
  responseStream: false,
  requestSerialize: (message) => Buffer.from(toBinary(IstioCertificateRequestSchema, message)),
  requestDeserialize: (bytes) => fromBinary(IstioCertificateRequestSchema, bytes),
  responseSerialize: (message) => Buffer.from(toBinary(IstioCertificateResponseSchema, message)),
  responseDeserialize: (bytes) => fromBinary(IstioCertificateResponseSchema, bytes),
};
