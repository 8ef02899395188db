import { CliError, ExitCode } from "../cli-error.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:15010`, `[::1]:15010`, `:15010` (all addresses) or `15010` (loopback). */
export function readAddress(option: string, text: string): Address {
  const match = /^(?:(?<host>\[[\da-fA-F:.]+\]|[^:[\]]*):)?(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.["port"]);
  if (match === null || port > 65535)
    throw new CliError(ExitCode.Usage, `${option} ${text} is no address; write HOST:PORT such as 127.0.0.1:15010`);
  const host = match.groups?.["host"];
  return { host: host === undefined ? "127.0.0.1" : host === "" ? "0.0.0.0" : host.replace(/^\[|\]$/g, ""), port };
}
