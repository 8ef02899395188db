/** What a running proxy makes of the signals that this process gets. */
export interface Signals {
  /** The first that asks to end. */
  readonly stop: AbortSignal;
  /** The second. */
  readonly kill: AbortSignal;
  /** What Envoy has a use for: SIGUSR1 opens its access logs anew. */
  readonly onSignal: (handle: (signal: NodeJS.Signals) => void) => void;
}

const ENDING: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT", "SIGHUP"];

/** Takes the signals over, for as long as this process lives. */
export function watchSignals(): Signals {
  const stop = new AbortController();
  const kill = new AbortController();
  for (const signal of ENDING) process.on(signal, () => (stop.signal.aborted ? kill : stop).abort());
  return { stop: stop.signal, kill: kill.signal, onSignal: (handle) => void process.on("SIGUSR1", handle) };
}
