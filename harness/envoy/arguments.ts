import { LOG_FORMAT } from "./log.ts";
import type { EnvoyOptions } from "./provider.ts";

/** Access logs are written this often, milliseconds; a result waits for its entry. Envoy's default is 10 s. */
const ACCESS_LOG_FLUSH = 1;

/** Envoy's command line for `options`, without the configuration. */
export function envoyArguments(options: EnvoyOptions): string[] {
  const components = Object.entries(options.componentLogLevels ?? {}).map(([name, level]) => `${name}:${level}`);
  return [
    ...["--concurrency", String(options.concurrency ?? 1)],
    // Shared memory for a hot restart would outlive a killed Envoy.
    "--disable-hot-restart",
    ...["--file-flush-interval-msec", String(ACCESS_LOG_FLUSH)],
    ...(options.drainTime === undefined ? [] : ["--drain-time-s", String(options.drainTime)]),
    ...["--log-level", options.logLevel ?? "warning"],
    ...(components.length > 0 ? ["--component-log-level", components.join(",")] : []),
    ...["--log-format", LOG_FORMAT],
  ];
}
