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

/** `toString` of a number would put 1.5 KB of tables into every module. */
function decimal(value: u32): string {
  let text = "";
  let rest = value;
  do {
    text = String.fromCharCode(0x30 + <i32>(rest % 10)) + text;
    rest /= 10;
  } while (rest != 0);
  return text;
}
