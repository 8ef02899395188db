import type { Vm } from "../vm.ts";

/** What a foreign function gives back. */
export interface ForeignResult {
  readonly status: number;
  readonly results: Uint8Array;
}

export type ForeignFunction = (vm: Vm, parameters: Uint8Array) => ForeignResult;

export const NO_RESULTS = new Uint8Array(0);
