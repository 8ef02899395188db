import type { Command } from "commander";

/** What `serve` is told of TLS towards proxies. */
export interface XdsTlsOptions {
  readonly xdsCert?: string;
  readonly xdsKey?: string;
  readonly xdsClientCa?: string;
}

export function addXdsTlsOptions(command: Command): Command {
  return command
    .option("--xds-cert <file>", "TLS for proxies: the service's certificate, PEM (default: one of the mesh's own authority)")
    .option("--xds-key <file>", "TLS for proxies: the key of --xds-cert")
    .option("--xds-client-ca <file>", "TLS for proxies: authorities of their certificates, PEM, beside the mesh's own");
}
