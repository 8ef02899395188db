import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ListenAddress } from "../bootstrap/index.ts";
import { ProxyAdmin } from "./admin.ts";
import { BackOff } from "./back-off.ts";
import { EnvoyProcess, type Identity } from "./envoy-process.ts";
import type { Log } from "./log.ts";
import { watchReadiness } from "./readiness.ts";

export interface SupervisedProxy {
  readonly binary: string;
  /** Without those that the supervisor adds. */
  readonly parameters: readonly string[];
  /** Holds the bootstrap `envoy.json`, and what else Envoy reads; of the user that Envoy runs as. */
  readonly folder: string;
  readonly admin: ListenAddress;
  /** As `serve` and the proxies' logs have it; for messages only. */
  readonly control: string;
  /** Milliseconds for clients to leave when the proxy ends. */
  readonly drainTime: number;
  /** Milliseconds for connections to end whose listener is no more, or another. */
  readonly listenerDrainTime: number;
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: that of this process. */
  readonly identity?: Identity;
}

export interface Control {
  readonly log: Log;
  /** Drain and end. */
  readonly stop: AbortSignal;
  /** End at once. */
  readonly kill: AbortSignal;
  /** Tells others that no more requests are to come; resolves when they know. Default: nobody is told. @param end when it is not waited for any longer */
  readonly takeLeave?: (end: AbortSignal) => Promise<void>;
  /** Hands on a signal that Envoy has a use for. */
  readonly onSignal: (handle: (signal: NodeJS.Signals) => void) => void;
}

/** `stopped`: on demand. `quit`: Envoy ended by itself, without an error. `refused`: it ended by itself before it served, at the first start. */
export interface Outcome {
  readonly kind: "stopped" | "quit" | "refused";
  readonly how: string;
}

/** Milliseconds between SIGTERM and SIGKILL. */
const PATIENCE = 5_000;
/** Milliseconds for connections that were taken while the last others ended. */
const LATECOMERS = 1_000;
/** Milliseconds between two looks at the connections that are left. */
const LOOK = 100;

/** Runs Envoy until it is told to stop: again after each crash, later each time. */
export async function supervise(proxy: SupervisedProxy, control: Control): Promise<Outcome> {
  const { log, stop } = control;
  const backOff = new BackOff();
  let envoy: EnvoyProcess | undefined;
  control.onSignal((signal) => envoy?.signal(signal));
  for (let hasStarted = false; ;) {
    if (stop.aborted) return { kind: "stopped", how: "before it was started" };
    const addressFile = join(proxy.folder, "admin");
    rmSync(addressFile, { force: true });
    envoy = EnvoyProcess.start(proxy.binary, argumentsOf(proxy, addressFile), proxy);
    const started = performance.now();
    log.info({ pid: envoy.pid }, "Envoy starts");
    const admin = new ProxyAdmin(proxy.admin);
    const over = new AbortController();
    const watching = watchReadiness({ admin, log, control: proxy.control, started: () => existsSync(addressFile), over: over.signal });
    const exit = await Promise.race([envoy.exited, aborted(stop)]);
    over.abort();
    const state = await watching;
    // One that ends by itself has found something wrong, such as a port of its own that is taken; a crash is another matter.
    hasStarted ||= state === "serves" || (state === "listens" && exit?.code === null);
    if (exit === undefined) return drain(proxy, envoy, admin, control);
    if (exit.code === 0) return { kind: "quit", how: exit.how };
    if (!hasStarted) return { kind: "refused", how: exit.how };
    const delay = backOff.next(performance.now() - started);
    log.error({ exit: exit.how, restartIn: delay }, "Envoy ended; it is started again");
    await sleep(delay, undefined, { signal: stop }).catch(() => undefined);
  }
}

function argumentsOf({ folder, listenerDrainTime, parameters }: SupervisedProxy, addressFile: string): string[] {
  return [
    ...["-c", join(folder, "envoy.json")],
    ...["--admin-address-path", addressFile],
    // Its shared memory would outlive a killed Envoy.
    "--disable-hot-restart",
    ...["--drain-time-s", String(Math.max(1, Math.ceil(listenerDrainTime / 1000)))],
    // Every answer asks its client to leave, not one in ever fewer.
    ...["--drain-strategy", "immediate"],
    ...parameters,
  ];
}

/**
 * ```
 *   readiness fails -> callers take the host out -> answers ask for the end of their connections -> no connection is taken any more -> Envoy ends
 *      '- takeLeave, half of the drain time -'  '------------ the rest of the drain time ---------'  '-------- LATECOMERS --------'
 * ```
 * A client that has a connection to spare may send a request on it at any moment, and HTTP/1.1 cannot tell it that it ends (RFC 9112, section 9.5). Who does not choose this host any more closes such connections itself.
 */
async function drain(proxy: SupervisedProxy, envoy: EnvoyProcess, admin: ProxyAdmin, control: Control): Promise<Outcome> {
  const { log, kill, takeLeave } = control;
  const started = performance.now();
  kill.addEventListener("abort", () => envoy.signal("SIGKILL"), { once: true });
  log.info({ limit: proxy.drainTime }, "draining");
  const empty = async (end: number) => {
    while (performance.now() < end && envoy.running && !kill.aborted && (await admin.activeConnections()) > 0) {
      await sleep(LOOK, undefined, { signal: kill }).catch(() => undefined);
    }
  };
  try {
    await admin.failReadiness();
    await takeLeave?.(AbortSignal.any([kill, AbortSignal.timeout(proxy.drainTime / 2)]));
    await admin.drain();
    await empty(started + proxy.drainTime);
    // A request on a connection that is taken now would be cut off. One whose connection is refused can be tried elsewhere, whatever it is.
    log.info({ after: Math.round(performance.now() - started) }, "no connection is taken any more");
    if (envoy.running) await admin.stopListening();
    await empty(performance.now() + LATECOMERS);
  } catch (error) {
    // One that is not up yet has nobody to wait for.
    log.warn({ reason: String(error) }, "Envoy does not drain; it is ended");
  }
  const { how } = await envoy.end(PATIENCE);
  log.info({ exit: how, after: Math.round(performance.now() - started) }, "Envoy ended");
  return { kind: "stopped", how };
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
