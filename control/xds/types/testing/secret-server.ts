import type { Cluster } from "../../../../harness/envoy/bootstrap/types.ts";
import type { TlsIdentity } from "../../../../harness/envoy/chain/certificates.ts";
import { SecretSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { typeUrl } from "../../../envoy-api/index.ts";
import type { Resource } from "../../server/index.ts";
import { MapSnapshot } from "../../server/testing/snapshot.ts";
import { TestControl } from "../../transport/testing/control.ts";
import { MESH_AUTHORITIES, OWN_CERTIFICATE, SECRETS_CLUSTER } from "../secret/index.ts";
import { resourceOf } from "./running-proxy.ts";

const SECRET = typeUrl(SecretSchema);

/** What stands beside a proxy with an identity: it gives out its certificate, and those that it trusts, over SDS. */
export class SecretServer implements AsyncDisposable {
  private readonly control: TestControl;

  private constructor(control: TestControl) {
    this.control = control;
  }

  static async start(identity: TlsIdentity): Promise<SecretServer> {
    return new SecretServer(await TestControl.start(new MapSnapshot("1", { [SECRET]: secretsOf(identity) })));
  }

  /** Of a proxy's bootstrap. */
  get cluster(): Cluster {
    const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    const address = { socket_address: { address: "127.0.0.1", port_value: this.control.listener.port } };
    return {
      name: SECRETS_CLUSTER,
      type: "STATIC",
      connect_timeout: "1s",
      typed_extension_protocol_options: {
        [options]: { "@type": `type.googleapis.com/${options}`, explicit_http_config: { http2_protocol_options: {} } },
      },
      load_assignment: { cluster_name: SECRETS_CLUSTER, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    };
  }

  /** Gives out others in their place, and waits until they are taken. */
  async rotate(identity: TlsIdentity): Promise<void> {
    await this.control.push({ [SECRET]: secretsOf(identity) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.control[Symbol.asyncDispose]();
  }
}

function secretsOf({ certificate, key, authority }: TlsIdentity): readonly Resource[] {
  const pem = (text: string) => ({ specifier: { case: "inlineString" as const, value: text } });
  return [
    resourceOf(SecretSchema, OWN_CERTIFICATE, {
      name: OWN_CERTIFICATE,
      type: { case: "tlsCertificate", value: { certificateChain: pem(certificate), privateKey: pem(key) } },
    }),
    resourceOf(SecretSchema, MESH_AUTHORITIES, {
      name: MESH_AUTHORITIES,
      type: { case: "validationContext", value: { trustedCa: pem(authority) } },
    }),
  ];
}
