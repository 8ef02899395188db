import type { MeshObject } from "./object.ts";

/** A certificate with its key, or certificates to trust, or both. PEM. */
export interface Secret {
  readonly name: string;
  readonly namespace: string;
  readonly certificate: string | undefined;
  readonly privateKey: string | undefined;
  readonly caCertificates: string | undefined;
  readonly crl: string | undefined;
  readonly object: MeshObject;
}
