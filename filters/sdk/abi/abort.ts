import { decimal } from "../../lib/number";
import { LogLevel } from "./enums";
import { proxy_log } from "./hostcalls";

/**
 * What AssemblyScript calls where its runtime gives up (`--use abort=…`), instead of the import `env.abort` that Envoy does not provide.
 * The message reaches Envoy's log; the trap that follows makes the failure policy decide.
 */
export function abort(message: string | null, fileName: string | null, line: u32, column: u32): void {
  const what = message != null ? message : "(no message)";
  const where = fileName != null ? fileName : "?";
  const bytes = String.UTF8.encode("abort: " + what + " at " + where + ":" + decimal(line) + ":" + decimal(column));
  proxy_log(LogLevel.Critical, changetype<usize>(bytes), <usize>bytes.byteLength);
  unreachable();
}
