import { CliError, ExitCode } from "../../cli-error.ts";

/** Names of headers by the fields of an access log that hold them, of `--log-header FIELD=HEADER`. */
export function readLogHeaders(pairs: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    pairs.map((text) => {
      const [, field, header] = /^([^=]+)=([^=\s]+)$/.exec(text) ?? [];
      if (field === undefined || header === undefined)
        throw new CliError(ExitCode.Usage, `--log-header ${text}: expected FIELD=HEADER, such as end_user=end-user`);
      return [field, header.toLowerCase()];
    }),
  );
}
