import { deflateSync, inflateSync } from "node:zlib";
import { Status } from "../abi/enums.ts";
import type { ForeignFunction } from "./foreign-function.ts";

// The zlib format (RFC 1950), as zlib's compress() and uncompress() write and read it.

export const compress: ForeignFunction = (_vm, parameters) => ({ status: Status.Ok, results: deflateSync(parameters) });

/** Envoy doubles its buffer until the result fits; a bomb ends here instead. */
const MAX_UNCOMPRESSED = 256 * 1024 * 1024;

export const uncompress: ForeignFunction = (_vm, parameters) => {
  try {
    return { status: Status.Ok, results: inflateSync(parameters, { maxOutputLength: MAX_UNCOMPRESSED }) };
  } catch {
    return { status: Status.SerializationFailure, results: new Uint8Array(0) };
  }
};
