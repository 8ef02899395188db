import { HostError } from "../errors.ts";
import type { ForeignFunction } from "./foreign-function.ts";

/** CEL is the one part of Envoy's foreign functions that this host has not: a filter that uses it is tested in Envoy. */
export function exprUnsupported(name: string): ForeignFunction {
  return () => {
    throw new HostError(
      "not-supported",
      `the foreign function ${name} (CEL expressions) is not supported by the in-process host: run this filter's scenarios in Envoy`,
    );
  };
}
