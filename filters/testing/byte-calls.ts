import type { Assembly } from "./assembly.ts";

/** A text of one character for each byte (0 to 255), or a number that is passed as it is. */
export type ByteArgument = string | number | bigint;

/**
 * Calls the functions of a `testing.ts` that work on bytes. Each text becomes two arguments, pointer and length. A function gives bytes
 * back as one u64, the pointer in its upper half and the length in its lower, all ones for null (`pack` in the `testing.ts` files).
 */
export class ByteCalls {
  private readonly assembly: Assembly;

  constructor(assembly: Assembly) {
    this.assembly = assembly;
  }

  /** The number that the function returns; bool as 0 or 1. */
  number(name: string, ...values: readonly ByteArgument[]): number {
    return this.with(values, (parameters) => Number(this.function(name)(...parameters)));
  }

  bool(name: string, ...values: readonly ByteArgument[]): boolean {
    return this.number(name, ...values) !== 0;
  }

  /** The text that the function returns, a character for each byte, or null. */
  text(name: string, ...values: readonly ByteArgument[]): string | null {
    return this.with(values, (parameters) => {
      const packed = BigInt.asUintN(64, BigInt(this.function(name)(...parameters)));
      if (packed === 2n ** 64n - 1n) return null;
      return Buffer.from(this.assembly.read(Number(packed >> 32n), Number(packed & 0xffffffffn))).toString("latin1");
    });
  }

  /**
   * By how many bytes the memory grows over 100,000 calls without a collection: 0 for what may stand on a request's path, since the arena is
   * reset by each call and nothing else may be allocated.
   */
  growth(name: string, ...values: readonly ByteArgument[]): number {
    return this.with(values, (parameters) => {
      const callee = this.function(name);
      callee(...parameters);
      const before = this.assembly.memory.buffer.byteLength;
      for (let i = 0; i < 100_000; i++) callee(...parameters);
      return this.assembly.memory.buffer.byteLength - before;
    });
  }

  private function(name: string): (...values: readonly (number | bigint)[]) => number | bigint {
    const found = this.assembly.exports[name];
    if (found === undefined) throw new Error(`the module exports no ${name}: add it to testing.ts`);
    return found;
  }

  private with<T>(values: readonly ByteArgument[], call: (parameters: readonly (number | bigint)[]) => T): T {
    const parameters = values.flatMap((value) => {
      if (typeof value !== "string") return [value];
      const { pointer, length } = this.assembly.write(Buffer.from(value, "latin1"));
      return [pointer, length];
    });
    const result = call(parameters);
    if (values.some((value) => typeof value === "string")) this.assembly.reset();
    return result;
  }
}
