import { type Command, InvalidArgumentError, Option } from "commander";
import type { ControlServiceOptions } from "../../control/control-service.ts";
import { parseDuration } from "../../control/model/fields/index.ts";

/** Of `serve`. Off where nothing is said: it lets proxies have a say in who gets the requests of others. */
export interface MeshHealthOptions {
  readonly meshHealth?: boolean;
  readonly meshHealthCallers?: number;
  /** Milliseconds. */
  readonly meshHealthInterval?: number;
}

export function addMeshHealthOptions(command: Command): Command {
  return command
    .option(
      "--mesh-health",
      "take hosts out for all clients that most of their clients find bad, within the outlierDetection of their DestinationRule",
    )
    .addOption(
      new Option("--mesh-health-callers <n>", "clients that must agree, at the least (default: 3)")
        .argParser(callers)
        .implies({ meshHealth: true }),
    )
    .addOption(
      new Option("--mesh-health-interval <duration>", "between two reports of a client (default: 10s)")
        .argParser(interval)
        .implies({ meshHealth: true }),
    );
}

export function meshHealthOf(options: MeshHealthOptions): Pick<ControlServiceOptions, "meshHealth"> {
  const { meshHealth = false, meshHealthCallers, meshHealthInterval } = options;
  if (!meshHealth) return {};
  return {
    meshHealth: {
      ...(meshHealthCallers === undefined ? {} : { callers: meshHealthCallers }),
      ...(meshHealthInterval === undefined ? {} : { interval: meshHealthInterval }),
    },
  };
}

function callers(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 2)
    throw new InvalidArgumentError("expected a whole number of 2 or more: one client alone decides for itself");
  return value;
}

function interval(text: string): number {
  const value = parseDuration(text);
  if (value === undefined || value < 100 || value > 3_600_000) throw new InvalidArgumentError("expected 100ms to 1h");
  return value;
}
