import { Choices } from "./random.ts";

const START = Date.parse("2026-01-01T00:00:00Z");
/** Where clocks end. No request waits as long as from the last of them to the end of 64 bits of nanoseconds, at 23:47:16 of that day. */
const LAST = Date.parse("2262-04-11T00:00:00Z");
const EDGES = [
  // What "never" is for some.
  0,
  1,
  // Seconds in 32 bits with a sign, and without one.
  2 ** 31 * 1_000 - 1,
  2 ** 31 * 1_000,
  2 ** 32 * 1_000,
  LAST,
] as const;
/** Milliseconds: about the lengths of windows, and of what expires. */
const STEPS = [0, 1, 10, 999, 1_000, 1_001, 60_000, 3_600_000, 86_400_000, 31 * 86_400_000] as const;

/** When requests come, in RFC 3339: mostly one after the other, and as on machines whose clocks are set, back, or far away. */
export class Times {
  private readonly choices: Choices;
  private now = START;

  constructor(seed: number) {
    // Not the choices that requests are made by, which are the same with Envoy, where no time can be chosen.
    this.choices = new Choices(~seed);
  }

  next(): string {
    const { choices } = this;
    const kind = choices.next();
    if (kind < 0.04) this.now = choices.pick(EDGES);
    else if (kind < 0.08) this.now = START;
    else {
      const step = choices.pick(STEPS);
      this.now = Math.min(LAST, Math.max(0, this.now + (kind < 0.2 ? -step : step)));
    }
    return new Date(this.now).toISOString();
  }
}
