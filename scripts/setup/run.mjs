import { spawn } from "node:child_process";
import { constants } from "node:os";

const FORWARDED = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

/**
 * Runs a command in the foreground and hands on the signals that ask this process to end.
 *
 * @param {string} command
 * @param {readonly string[]} parameters
 * @param {{ cwd?: string, env: NodeJS.ProcessEnv, output?: "inherit" | "stderr" }} options `stderr`: what it prints goes to standard error
 * @returns {Promise<number>} its exit code; 128 + the signal's number where a signal ended it
 */
export function run(command, parameters, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, {
      cwd: options.cwd,
      env: options.env,
      stdio: options.output === "stderr" ? ["ignore", 2, 2] : "inherit",
    });
    const listeners = FORWARDED.map((signal) => {
      const listener = () => void child.kill(signal);
      process.on(signal, listener);
      return { signal, listener };
    });
    const forget = () => {
      for (const { signal, listener } of listeners) process.off(signal, listener);
    };
    child.once("error", (error) => {
      forget();
      reject(error);
    });
    child.once("close", (code, signal) => {
      forget();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
