import { makeFolder } from "../../../harness/make-folder.ts";
import { IdentityError } from "../identity-error.ts";

/**
 * Makes a directory that is for its owner alone, with those above it, where there is none.
 *
 * @throws IdentityError `state`
 */
export function makeDirectory(directory: string): void {
  try {
    makeFolder(directory, 0o700);
  } catch (error) {
    throw new IdentityError("state", `${directory} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}
