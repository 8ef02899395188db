import { readFile } from "node:fs/promises";
import { Certificate } from "../../control/identity/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";

/** The certificates of a PEM file that an option names. Throws a CliError. */
export async function readCertificates(option: string, file: string): Promise<readonly Certificate[]> {
  try {
    return Certificate.readAll(await readFile(file, "utf8"));
  } catch (error) {
    throw new CliError(ExitCode.Input, `${option} ${file}: ${(error as Error).message}`, { cause: error });
  }
}
