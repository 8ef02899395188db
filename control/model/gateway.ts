import type { HostName } from "./host.ts";
import type { Labels } from "./labels.ts";
import type { MeshObject } from "./object.ts";
import type { Protocol } from "./service.ts";

/** What a gateway's proxies listen on, in the words of Istio's Gateway. */
export interface Gateway {
  readonly name: string;
  readonly namespace: string;
  readonly selector: Labels;
  readonly servers: readonly GatewayServer[];
  readonly object: MeshObject;
}

export interface GatewayServer {
  readonly name: string;
  readonly port: {
    readonly number: number;
    readonly name: string;
    readonly protocol: Protocol | "http3";
    readonly targetPort: number | undefined;
  };
  /** Address to listen on; empty: all. */
  readonly bind: string;
  readonly hosts: readonly GatewayHost[];
  readonly tls: ServerTls | undefined;
  /** Of this server in its object: its number in `spec.servers`. */
  readonly index: number;
}

/** Of `namespace/host`: `*` any namespace, `.` the gateway's own. */
export interface GatewayHost {
  readonly namespace: string;
  readonly host: HostName;
}

export interface ServerTls {
  readonly httpsRedirect: boolean;
  readonly mode: "PASSTHROUGH" | "SIMPLE" | "MUTUAL" | "AUTO_PASSTHROUGH" | "ISTIO_MUTUAL" | "OPTIONAL_MUTUAL";
  readonly serverCertificate: string | undefined;
  readonly privateKey: string | undefined;
  readonly caCertificates: string | undefined;
  readonly caCrl: string | undefined;
  /** Several for RSA and ECDSA beside each other, in place of the three above. */
  readonly certificates: readonly {
    readonly certificate: string;
    readonly privateKey: string;
    readonly caCertificates: string | undefined;
  }[];
  /** Names of secrets; several for RSA and ECDSA beside each other. */
  readonly credentialNames: readonly string[];
  readonly caCertCredentialName: string | undefined;
  readonly subjectAltNames: readonly string[];
  readonly verifyCertificateSpki: readonly string[];
  readonly verifyCertificateHash: readonly string[];
  readonly minProtocolVersion: TlsVersion | undefined;
  readonly maxProtocolVersion: TlsVersion | undefined;
  readonly cipherSuites: readonly string[];
  readonly ecdhCurves: readonly string[];
  /** A client's certificate is taken whoever has signed it. */
  readonly insecureSkipVerify: boolean;
}

export type TlsVersion = "TLSV1_0" | "TLSV1_1" | "TLSV1_2" | "TLSV1_3";
