import { create } from "@bufbuild/protobuf";
import { Client, type ChannelCredentials, credentials, Metadata } from "@grpc/grpc-js";
import { IstioCertificateRequestSchema } from "../../envoy-api/generated/security/v1alpha1/ca_pb.ts";
import { CREATE_CERTIFICATE } from "../service/index.ts";

/** A client of `IstioCertificateService` that shows whatever it is told to, over one connection; `meshwright proxy` has one for itself (control/proxy/identity/certificate-client.ts). */
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
        CREATE_CERTIFICATE.path,
        CREATE_CERTIFICATE.requestSerialize,
        CREATE_CERTIFICATE.responseDeserialize,
        create(IstioCertificateRequestSchema, { csr, validityDuration: BigInt(seconds) }),
        metadata,
        (error, value) => (error === null ? resolve(value?.certChain ?? []) : reject(error)),
      );
    });
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}
