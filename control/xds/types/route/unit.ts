import type { HostName } from "../../../model/index.ts";
import type { Wildcard } from "./outbound.ts";

/** One route configuration to be made. What is known when the units are listed stands in the unit, so that making it reads no more of the mesh than it has to. */
export type RouteUnit =
  | readonly ["host", port: number, host: HostName, ...aliases: readonly HostName[]]
  /** Of the listener at the address of one service. */
  | readonly ["sniffed", port: number, host: HostName]
  | readonly ["rest", port: number, wildcards: readonly Wildcard[]]
  /** Of a listener for all ports at once. */
  | readonly ["socket", name: string]
  | readonly ["gateway-host", routeName: string, host: HostName]
  | readonly ["gateway-rest", routeName: string]
  /** Of every set that only one proxy has. */
  | readonly ["gateway-merged"];

export function formatUnit(unit: RouteUnit): string {
  return JSON.stringify(unit);
}

export function parseUnit(unit: string): RouteUnit {
  return JSON.parse(unit) as RouteUnit;
}
