import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, type ChannelCredentials, credentials, Metadata } from "@grpc/grpc-js";
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from "../../envoy-api/generated/security/v1alpha1/ca_pb.ts";

/** A client of `IstioCertificateService`, as an agent of Istio is one. */
export class CertificateClient implements Disposable {
  private readonly client: Client;

  constructor(port: number, channel: ChannelCredentials = credentials.createInsecure()) {
    this.client = new Client(`127.0.0.1:${port}`, channel, { "grpc.use_local_subchannel_pool": 1 });
  }

  /** `cert_chain` of the answer; rejects with gRPC's error. */
  ask(
    csr: string,
    { bearer, seconds = 0 }: { readonly bearer?: string | readonly string[]; readonly seconds?: number | bigint } = {},
  ): Promise<readonly string[]> {
    const metadata = new Metadata();
    for (const each of bearer === undefined ? [] : [bearer].flat())
      metadata.add("authorization", each.includes(" ") ? each : `Bearer ${each}`);
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        "/istio.v1.auth.IstioCertificateService/CreateCertificate",
        (message: { readonly csr: string; readonly validityDuration: bigint }) =>
          Buffer.from(toBinary(IstioCertificateRequestSchema, create(IstioCertificateRequestSchema, message))),
        (bytes: Buffer) => fromBinary(IstioCertificateResponseSchema, bytes),
        { csr, validityDuration: BigInt(seconds) },
        metadata,
        (error, value) => (error === null ? resolve(value?.certChain ?? []) : reject(error)),
      );
    });
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}
