import type { CallProfile } from "../../harness/host/trace/profiler.ts";
import { table } from "../control/output.ts";
import { bytes } from "../inspect/report.ts";

/** What `meshwright profile` prints: the shape of its JSON. */
export interface ProfileReport extends CallProfile {
  readonly requests: number;
  /** How many came to each end: `forward`, `respond`, `reset`, `trap`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Nanoseconds of a request: calls by the list of prices, and what V8 saw in the module on this machine. */
  readonly request: { readonly calls: number; readonly module: number };
}

/** Functions that are shown to people. */
const HOTTEST = 15;

export function profileText(report: ProfileReport): string {
  const { requests, outcomes, request, callbacks, hostcalls, memory, functions } = report;
  const each = (count: number) => (count / requests).toFixed(2);
  const price = (nanoseconds: number | undefined) => (nanoseconds === undefined ? "no price" : `${Math.round(nanoseconds / requests)} ns`);
  return [
    `${requests} requests: ${Object.entries(outcomes)
      .map(([outcome, count]) => `${count} ${outcome}`)
      .join(", ")}\n`,
    `a request: ${micros(request.calls)} in calls by the list of prices, ${micros(request.module)} in the module on this machine\n`,
    `memory: ${bytes(memory.before)} before, ${bytes(memory.after)} after\n\n`,
    table([
      ["a request", "calls", "failed", "out", "in", "malloc", "price"],
      ...callbacks.map(({ name, calls, price: sum }) => [name, each(calls), "", "", "", "", price(sum)]),
      ...hostcalls.map(({ name, calls, failed, bytesToHost, bytesToModule, allocations, price: sum }) => [
        name,
        each(calls),
        failed === 0 ? "" : each(failed),
        bytesToHost === 0 ? "" : `${Math.round(bytesToHost / requests)} B`,
        bytesToModule === 0 ? "" : `${Math.round(bytesToModule / requests)} B`,
        allocations === 0 ? "" : each(allocations),
        price(sum),
      ]),
    ]),
    "\n",
    table([
      ["function", "share", "a request"],
      ...functions
        .slice(0, HOTTEST)
        .map(({ name, self, share }) => [name, `${(share * 100).toFixed(1)} %`, micros((self * 1000) / requests)]),
    ]),
  ].join("");
}

function micros(nanoseconds: number): string {
  return `${(nanoseconds / 1000).toFixed(2)} µs`;
}
