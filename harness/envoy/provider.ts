import type { Admin } from "./admin.ts";
import type { Bootstrap } from "./bootstrap/index.ts";
import type { EnvoyLog } from "./log.ts";

/** Where Envoys come from. */
export interface EnvoyProvider {
  readonly name: "binary" | "container";
  /** Why it cannot start one on this machine, and what to do; `undefined` where it can. */
  available(): Promise<string | undefined>;
  /**
   * Where servers of this process have to bind, so that an Envoy of this provider reaches them, and under which name.
   */
  upstreamHost(): Promise<{ readonly bind: string; readonly reach: string }>;
  /**
   * Starts an Envoy and waits until it listens. The bootstrap needs no admin address: the provider chooses one. Files that it names are read from
   * this machine. Rejects with `EnvoyError`: `refused` with Envoy's reason, `unavailable`, or `timeout`.
   */
  start(bootstrap: Bootstrap, options?: EnvoyOptions): Promise<StartedEnvoy>;
}

export interface EnvoyOptions {
  /** Default: `warning`. */
  readonly logLevel?: string;
  /** Levels of single loggers, as `--component-log-level` takes them. Default: none. */
  readonly componentLogLevels?: Readonly<Record<string, string>>;
  /** Worker threads. Default: 1, so that a filter has one VM that sees requests. */
  readonly concurrency?: number;
  /** Seconds for which a listener that is taken away lets its connections go on. Default: Envoy's, 600. */
  readonly drainTime?: number;
  /** Milliseconds until an Envoy that does not listen is given up. Default: 15,000. */
  readonly startTimeout?: number;
}

/** A running Envoy. Disposing ends it and removes what it left on disk. */
export interface StartedEnvoy extends AsyncDisposable {
  readonly admin: Admin;
  readonly log: EnvoyLog;
  /** Of the process on this machine; `undefined` in a container. */
  readonly pid: number | undefined;
  /** Where a client of this process reaches a listener. Throws where there is none of that name. */
  address(listener: string): { readonly host: string; readonly port: number };
  /** Resolves when Envoy ends without having been disposed, with its exit code or signal. */
  readonly exited: Promise<string>;
}
