import type { TLSSocket } from "node:tls";
import { IdentityError, peerChain } from "../identity/index.ts";
import type { CertificateRoles as Contract, Role } from "./roles.ts";

export interface CertificateRolesOptions {
  /** Names for which a chain (DER, the client's own first) is good now. Throws an IdentityError where it is good for nobody. */
  readonly namesOf: (chain: readonly Uint8Array[]) => Promise<readonly string[]>;
  /** Names with the role write. */
  readonly write: readonly string[];
  /** Names with the role read. */
  readonly read: readonly string[];
}

/** Roles by the name in a client's certificate, which is looked at anew at each request: a connection may outlast it, and it may be revoked meanwhile. */
export class CertificateRoles implements Contract {
  private readonly options: CertificateRolesOptions;

  constructor(options: CertificateRolesOptions) {
    this.options = options;
  }

  async roleOf(client: TLSSocket): ReturnType<Contract["roleOf"]> {
    const chain = peerChain(client.getPeerCertificate(true));
    if (chain.length === 0) return undefined;
    try {
      const names = await this.options.namesOf(chain);
      return this.roleOfNames(names) ?? { refusal: `${names.join(", ")} has no role here: ${REMEDY}`, known: true };
    } catch (error) {
      if (error instanceof IdentityError) return { refusal: error.message, known: error.code === "revoked" };
      throw error;
    }
  }

  private roleOfNames(names: readonly string[]): Role | undefined {
    if (names.some((name) => this.options.write.includes(name))) return "write";
    return names.some((name) => this.options.read.includes(name)) ? "read" : undefined;
  }
}

const REMEDY = "the service gives one with --admin-write-identity or --admin-read-identity";
