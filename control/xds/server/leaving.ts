import type { Resource } from "./resource.ts";

/** What a client has of a name. A whole resource where the server knows it, the version alone where the client said it. */
export type Held = Resource | { readonly version: string };

/** Resources that may stay beyond their time at once; past it they go with what removes them. */
const MOST = 64;

/**
 * What there is no more of and the client keeps for a while ({@link ResourceTypeRules.lingers}): an answer may be on its way that a removal would cut off. It is no part of what the client lacks: a stream that waits
 * for nothing else is settled.
 */
export class Leaving {
  private readonly all = new Map<string, { readonly held: Held; readonly until: number }>();

  get size(): number {
    return this.all.size;
  }

  /** Whether a resource that is gone stays for so many milliseconds. */
  add(name: string, held: Held, milliseconds: number, now: number): boolean {
    if (milliseconds <= 0 || this.all.size >= MOST) return false;
    this.all.set(name, { held, until: now + milliseconds });
    return true;
  }

  /** What the client has of a resource that there is again; it stays for good. */
  take(name: string): Held | undefined {
    const held = this.all.get(name)?.held;
    this.all.delete(name);
    return held;
  }

  /** What the client has still. */
  *held(): Iterable<Held> {
    for (const { held } of this.all.values()) yield held;
  }

  isDue(now: number): boolean {
    for (const { until } of this.all.values()) if (until <= now) return true;
    return false;
  }

  /** Takes off what has stayed long enough. */
  *due(now: number): Iterable<string> {
    for (const [name, { until }] of this.all) {
      if (until > now) continue;
      this.all.delete(name);
      yield name;
    }
  }
}
