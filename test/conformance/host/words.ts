import { encodePairs } from "../../../harness/host/pairs.ts";

/**
 * Arguments of a hostcall as the probe module (`test/foreign/probe`) reads them, a token for one or two words:
 * `i5` a number; `x6869` pointer and length of bytes, `n6869` the same with the instance's and the callback's names behind them; `v6869` a WASI vector of one
 * buffer; `m-2` an address by the end of the memory; `c`, `r` the ids of this context and of its root; `g0` a variable.
 * Results: `o4` a place of 4 bytes, shown; `t8` one of 8 bytes of which only shows whether it was written; `p` places for a pointer and a
 * length, with the bytes that they give; `s0` a word that is kept as variable 0. `z1`, `z2`: `malloc` gives 0, or an address outside.
 */
export type Token = string;

const digits = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const encode = (value: string | Uint8Array) => (typeof value === "string" ? Buffer.from(value) : value);

export const number = (value: number | bigint): Token => `i${value}`;
export const bytes = (value: string | Uint8Array): Token => `x${digits(encode(value))}`;
/** Text that no other instance and no other callback uses: what they share would otherwise depend on which came first. */
export const own = (value: string): Token => `n${digits(encode(value))}`;
export const vector = (value: string): Token => `v${digits(encode(value))}`;

/** Headers in the form in which hostcalls take them. */
export function pairs(headers: ReadonlyArray<readonly [string, string]>): Token {
  return bytes(
    encodePairs(
      headers.map(([name]) => name),
      headers.map(([, value]) => value),
    ),
  );
}

/** Field `field` of a protobuf message with bytes in it. Both are short. */
export function protobufBytes(field: number, value: string | Uint8Array): Uint8Array {
  const content = encode(value);
  return Buffer.concat([Buffer.from([(field << 3) | 2, content.length]), content]);
}

/** `envoy.config.core.v3.GrpcService` to a cluster by Envoy's own client. */
export function grpcService(cluster: string): Token {
  return bytes(protobufBytes(1, protobufBytes(1, cluster)));
}
