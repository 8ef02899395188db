import prices from "./prices.json" with { type: "json" };

/** When, where and how the list was measured: `prices.json`, which `test/bench/prices/main.ts` writes. */
export const PRICES_MEASURED = { measured: prices.measured, envoy: prices.envoy, machine: prices.machine, method: prices.method } as const;

const hostcalls = new Map(Object.entries(prices.hostcalls));
const callbacks = new Map(Object.entries(prices.callbacks));
/** Bytes that the measured calls had with them; further ones cost by the byte. */
const INCLUDED = 16;

/**
 * Nanoseconds that a hostcall costs in Envoy, on the machine of the list; `undefined` for one that cannot be timed in a loop (local responses, callouts,
 * functions of WASI). Which hostcalls are dear is the same everywhere, how dear is not.
 */
export function hostcallPrice(name: string, bytes: number): number | undefined {
  const price = hostcalls.get(name);
  return price === undefined ? undefined : Math.round(price + Math.max(0, bytes - INCLUDED) * prices.nanosecondsOfAByte);
}

/** Nanoseconds that it costs Envoy to call a callback, without what the module does in it. */
export function callbackPrice(name: string): number {
  return callbacks.get(name) ?? prices.callbacks.other;
}
