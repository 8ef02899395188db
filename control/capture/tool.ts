import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { IpFamily } from "./options.ts";
import type { CaptureRules } from "./rules.ts";

/**
 * Runs a command with `input` as its standard input, and returns what it printed. Rejects with {@link CaptureError}: `missing` where there is no such command, `denied`
 * where the kernel does not let this process, `failed` otherwise.
 */
export type Run = (command: string, parameters: readonly string[], input?: string) => Promise<string>;

/** A way to have the kernel redirect connections. Rules of ours replace those that an earlier run left; nobody else's are touched. */
export interface CaptureTool {
  readonly name: "nft" | "iptables";
  /** What has to be installed. */
  commands(families: readonly IpFamily[]): readonly string[];
  /** The rules as the tool reads them. */
  script(rules: readonly CaptureRules[]): string;
  set(rules: readonly CaptureRules[], run: Run): Promise<void>;
  /** Whether there was something. */
  remove(run: Run): Promise<boolean>;
}

export type CaptureErrorCode = "unsupported" | "missing" | "denied" | "busy" | "failed";

/** Why traffic cannot be captured here, and what to do. */
export class CaptureError extends Error {
  readonly code: CaptureErrorCode;

  constructor(code: CaptureErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CaptureError";
    this.code = code;
  }
}

/** {@link Run} on this machine. Tools of the administrator are found also where the PATH of the user has none. */
export const runHere: Run = async (command, parameters, input = "") => {
  const path = [process.env["PATH"], "/usr/sbin", "/sbin"].filter((each) => each !== undefined && each !== "").join(":");
  const child = spawn(command, parameters, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, PATH: path, LC_ALL: "C" } });
  const ended = once(child, "close");
  // A command that ends early leaves its input unread.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  try {
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    if (child.exitCode === 0) return output;
    throw failure(command, errors.trim());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new CaptureError("missing", `${command} is not installed`, { cause: error });
  }
};

function failure(command: string, errors: string): CaptureError {
  if (!/not permitted|permission denied|must be root/i.test(errors)) return new CaptureError("failed", `${command}: ${errors}`);
  const first = errors.split("\n")[0] ?? "";
  return new CaptureError("denied", `${command}: ${first}: to redirect traffic takes root, or CAP_NET_ADMIN in this network namespace`);
}
