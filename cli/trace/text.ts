import type { TracedCallback, TracedHostcall } from "../../harness/host/trace/recorder.ts";

/** Callbacks as indented lines: what was called, what came of it, and what it costs. */
export function traceText(callbacks: readonly TracedCallback[], indent = "  "): string {
  return callbacks.map((each) => callbackText(each, indent)).join("");
}

function callbackText({ callback, arguments: words, returned, trap, price, hostcalls }: TracedCallback, indent: string): string {
  const end = trap === undefined ? `= ${returned}` : `TRAPPED: ${trap}`;
  const head = line(`${indent}${callback}(${fields(words)}) ${end}`, price);
  return head + hostcalls.map((call) => hostcallText(call, `${indent}  `)).join("");
}

function hostcallText(call: TracedHostcall, indent: string): string {
  const { hostcall, arguments: words, results, status, bytesToHost, bytesToModule, allocations, price, callbacks = [] } = call;
  const back = Object.keys(results).length === 0 ? "" : ` -> ${fields(results)}`;
  const copied = [
    ...(bytesToHost > 0 ? [`${bytesToHost} B out`] : []),
    ...(bytesToModule > 0 ? [`${bytesToModule} B in`] : []),
    ...(allocations > 0 ? [`${allocations} malloc`] : []),
  ];
  const head = line(`${indent}${hostcall}(${fields(words)}) ${status}${back}`, price, copied.join(", "));
  return head + traceText(callbacks, `${indent}  `);
}

/** Where prices stand; longer lines have theirs behind two spaces. */
const COLUMN = 96;

function line(text: string, price: number | undefined, more = ""): string {
  const cost = price === undefined ? "" : `${price} ns`.padStart(9);
  const end = [cost, more].filter((part) => part !== "").join("  ");
  return end === "" ? `${text}\n` : `${text.padEnd(COLUMN)}  ${end}\n`;
}

/** A value takes one line, however long it is. */
function fields(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(
      ([name, value]) =>
        `${name} ${typeof value === "string" ? JSON.stringify(value) : typeof value === "number" ? value : JSON.stringify(value)}`,
    )
    .join(", ");
}

/** Nanoseconds of callbacks and all that they called, and how many calls the list has no price for. */
export function totalPrice(callbacks: readonly TracedCallback[]): { nanoseconds: number; unpriced: number; hostcalls: number } {
  const total = { nanoseconds: 0, unpriced: 0, hostcalls: 0 };
  for (const { price, hostcalls } of callbacks) {
    total.nanoseconds += price;
    for (const call of hostcalls) {
      total.hostcalls++;
      if (call.price === undefined) total.unpriced++;
      const inside = totalPrice(call.callbacks ?? []);
      total.nanoseconds += (call.price ?? 0) + inside.nanoseconds;
      total.unpriced += inside.unpriced;
      total.hostcalls += inside.hostcalls;
    }
  }
  return total;
}
