import type { AbiVersion } from "../module.ts";
import type { Vm } from "../vm.ts";

/** One function that modules may import. */
export interface Hostcall {
  readonly name: string;
  /** As `i32 i32 -> i32`: parameters, results. */
  readonly signature: string;
  /** Markers of the modules that may import it; all where absent. */
  readonly abi?: readonly AbiVersion[];
  /** Words are i32 and may come signed; i64 parameters are bigints. Never throws but for what would end or corrupt Envoy. */
  readonly run: (vm: Vm, ...words: never[]) => number | undefined;
}

/** A hostcall of i32 parameters and one i32 result. */
export function hostcall(name: string, run: (vm: Vm, ...words: number[]) => number, abi?: readonly AbiVersion[]): Hostcall {
  const parameters = Array.from({ length: run.length - 1 }, () => "i32").join(" ");
  return { name, signature: `${parameters} -> i32`.trim(), run, ...(abi && { abi }) };
}
