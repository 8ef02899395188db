/** Exit codes of every command. */
export const ExitCode = {
  Good: 0,
  /** The input is wrong, or the answer is no. */
  Input: 1,
  Usage: 2,
  /** Something that the command needs is not on this machine: no Envoy, no engine. */
  Environment: 3,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Ends a command: one message that says what was wrong, where, and what to do. */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CliError";
    this.exitCode = exitCode;
  }

  /** Whatever was thrown; what nobody foresaw is reported whole. */
  static from(error: unknown): CliError {
    if (error instanceof CliError) return error;
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return new CliError(ExitCode.Input, `unexpected: ${message}`, { cause: error });
  }
}
