import type { Contribution, MeshObject } from "../../model/index.ts";
import type { SecretSpec } from "./fields.ts";

/** What a secret holds, by what it is for. */
export interface Credentials {
  readonly certificate: string | undefined;
  readonly privateKey: string | undefined;
  readonly caCertificates: string | undefined;
  readonly crl: string | undefined;
}

/** Istio's names go before Kubernetes' (Istio's `ExtractCertInfo` and `ExtractRoot`). */
const NAMES: Readonly<Record<keyof Credentials, readonly [generic: string, tls: string]>> = {
  certificate: ["cert", "tls.crt"],
  privateKey: ["key", "tls.key"],
  caCertificates: ["cacert", "ca.crt"],
  crl: ["crl", "ca.crl"],
};

/** Undefined where the type says that it is for something else. */
export function credentialsOf({ type, data, stringData }: SecretSpec): Credentials | undefined {
  if (type !== "kubernetes.io/tls" && type !== "Opaque" && type !== "generic") return undefined;
  const find = (purpose: keyof Credentials): string | undefined => {
    for (const name of NAMES[purpose]) {
      const value = stringData?.get(name) ?? data?.get(name);
      if (value !== undefined && value.length > 0) return value.toString("utf8");
    }
    return undefined;
  };
  return { certificate: find("certificate"), privateKey: find("privateKey"), caCertificates: find("caCertificates"), crl: find("crl") };
}

export function contribute(object: MeshObject<SecretSpec>): Contribution {
  const { metadata, spec } = object;
  const credentials = credentialsOf(spec);
  if (credentials === undefined || Object.values(credentials).every((value) => value === undefined)) return {};
  return { secrets: [{ name: metadata.name, namespace: metadata.namespace, ...credentials, object }] };
}
