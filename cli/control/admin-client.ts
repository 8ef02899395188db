import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { checkControlName } from "../../control/bootstrap/control-name.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { exchange, type TlsOptions } from "./exchange.ts";

export interface AdminOptions {
  readonly admin: string;
  readonly tokenFile?: string;
  readonly adminCa?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
}

/** Options of every command that talks to a running control service. */
export function addAdminOptions(command: Command): Command {
  return command
    .addOption(new Option("--admin <url>", "admin interface of the control service").default("http://127.0.0.1:15014"))
    .option("--token-file <file>", "file with the bearer token, where the service wants one")
    .option("--admin-ca <file>", "authorities of the service's certificate, PEM, such as the mesh's own (default: those of the system)")
    .option("--client-cert <file>", "certificate that proves who asks, PEM")
    .option("--client-key <file>", "the key of --client-cert");
}

interface Asked {
  readonly method?: string;
  readonly timeout?: number;
  /** An object is sent as JSON, a text as YAML. */
  readonly body?: object | string;
  /** Answers beside the good ones whose body is given back. */
  readonly accept?: readonly number[];
}

/** Asks the control service. Ends the command where it cannot be reached (3) or says no (1). */
export async function askAdmin(
  options: AdminOptions,
  path: string,
  { method = "GET", timeout = 30_000, body: sent, accept = [] }: Asked = {},
): Promise<unknown> {
  const { admin, tokenFile } = options;
  const url = urlOf(admin, path);
  requireSecrecy(options, url);
  const content = sent === undefined || typeof sent === "string" ? sent : JSON.stringify(sent);
  const headers = {
    ...(tokenFile !== undefined && { authorization: `Bearer ${(await readText("--token-file", tokenFile)).trim()}` }),
    ...(sent !== undefined && { "content-type": typeof sent === "string" ? "application/yaml" : "application/json" }),
    // Node says it by itself for methods that mostly have content, and DELETE is none.
    ...(content !== undefined && { "content-length": String(Buffer.byteLength(content)) }),
  };
  const request = { method, headers, timeout, tls: await tlsOf(options, url) };
  const { status, text } = await exchange(url, request, content).catch((error: Error) => {
    throw new CliError(
      ExitCode.Environment,
      `no control service answers at ${admin} (${error.message}); start one with "meshwright serve", or name it with --admin`,
      { cause: error },
    );
  });
  const body = jsonOf(text);
  if (((status >= 200 && status < 300) || accept.includes(status)) && body !== undefined) return body;
  throw new CliError(ExitCode.Input, body?.error ?? `${url.href} answered ${status}; is that the admin interface of a control service?`);
}

/** A token that is sent in plain text over a network is everybody's, and a certificate cannot be shown there. */
function requireSecrecy({ admin, tokenFile, adminCa, clientCert, clientKey }: AdminOptions, { protocol, hostname }: URL): void {
  if ((clientCert === undefined) !== (clientKey === undefined))
    throw new CliError(ExitCode.Usage, "--client-cert and --client-key belong together: give both or none");
  if (protocol === "https:") return;
  if (clientCert !== undefined || adminCa !== undefined)
    throw new CliError(ExitCode.Usage, `certificates are shown over TLS, and --admin ${admin} is without; write https://HOST:PORT`);
  if (tokenFile !== undefined && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))
    throw new CliError(ExitCode.Usage, `--token-file is not sent to ${hostname} in plain text; write --admin https://HOST:PORT`);
}

async function tlsOf({ adminCa, clientCert, clientKey }: AdminOptions, { protocol, hostname }: URL): Promise<TlsOptions> {
  if (protocol !== "https:") return {};
  return {
    ...(adminCa !== undefined && {
      ca: await readText("--admin-ca", adminCa),
      // The mesh's own authority gives the control service no name of a host.
      checkServerIdentity: (_, shown) => checkControlName(shown, undefined, hostname.replace(/^\[|\]$/g, "")),
    }),
    ...(clientCert !== undefined && { cert: await readText("--client-cert", clientCert) }),
    ...(clientKey !== undefined && { key: await readText("--client-key", clientKey) }),
  };
}

function urlOf(admin: string, path: string): URL {
  const wrong = () => new CliError(ExitCode.Usage, `--admin ${admin} is no URL; write http://HOST:PORT or https://HOST:PORT`);
  let url: URL;
  try {
    url = new URL(path, admin.includes("://") ? admin : `http://${admin}`);
  } catch {
    throw wrong();
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") throw wrong();
  return url;
}

function jsonOf(text: string): { readonly error?: string } | undefined {
  try {
    return JSON.parse(text) as { readonly error?: string };
  } catch {
    return undefined;
  }
}

async function readText(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(ExitCode.Input, `${option} ${file}: ${(error as Error).message}`, { cause: error });
  }
}
