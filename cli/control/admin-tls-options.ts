import type { Command } from "commander";

/** What `serve` is told of TLS of the administration interface, and of whose certificates open it. */
export interface AdminTlsOptions {
  readonly adminCert?: string;
  readonly adminKey?: string;
  readonly adminClientCa?: string;
  readonly adminWriteIdentity?: readonly string[];
  readonly adminReadIdentity?: readonly string[];
}

export function addAdminTlsOptions(command: Command): Command {
  return command
    .option(
      "--admin-cert <file>",
      "TLS of the administration interface: its certificate, PEM (default off loopback: one of the mesh's own authority)",
    )
    .option("--admin-key <file>", "TLS of the administration interface: the key of --admin-cert")
    .option("--admin-client-ca <file>", "authorities of operators' certificates, PEM, beside the mesh's own")
    .option("--admin-write-identity <name...>", "who may change things: a SPIFFE id, or a common name in certificates of --admin-client-ca")
    .option("--admin-read-identity <name...>", "who may read: the same");
}
