import { isDeepStrictEqual } from "node:util";
import type { ExchangeRequest, ExchangeResult } from "../target/index.ts";

/**
 * What a fuzzer finds:
 *
 * - `trap`: a callback trapped; in Envoy every stream of the VM fails.
 * - `loop`: a callback never returned; in Envoy its worker would be blocked for ever.
 * - `crash`: Envoy's process would end.
 * - `corrupt`: Envoy would send broken HTTP, or the client would wait for ever.
 * - `hang`: the request was paused and never resumed; Envoy answers when the stream is idle for too long.
 * - `memory`: the same request makes the module's memory grow again and again, or one request makes it grow by very much.
 * - `state`: a request has another outcome after others than alone.
 * - `difference`: host and Envoy did not do the same.
 * - `envoy`: Envoy ended, or did not answer.
 */
export type FindingKind = "trap" | "loop" | "crash" | "corrupt" | "hang" | "memory" | "state" | "difference" | "envoy";

export interface Finding {
  readonly kind: FindingKind;
  /** What tells it from others of its kind, as the callback that trapped: what shrinks must keep it. */
  readonly where: string;
  /** One sentence, then what was seen. */
  readonly message: string;
  /** In order; the last one shows it. */
  readonly requests: readonly ExchangeRequest[];
}

export function isSame(one: Finding | undefined, other: Finding): boolean {
  return one?.kind === other.kind && one.where === other.where;
}

/** Fields of two results that differ, as `status: 200 in the host, 503 in Envoy`; none where they are the same. Delays are as long as they are. */
export function differences(host: ExchangeResult, envoy: ExchangeResult, names: readonly [string, string]): string[] {
  const found: string[] = [];
  const compare = (path: string, one: unknown, other: unknown) => {
    if (isDeepStrictEqual(one, other)) return;
    if (isObject(one) && isObject(other)) {
      for (const key of new Set([...Object.keys(one), ...Object.keys(other)]))
        compare(path === "" ? key : `${path}.${key}`, one[key], other[key]);
      return;
    }
    const [left, right] = Array.isArray(one) && Array.isArray(other) ? [without(one, other), without(other, one)] : [one, other];
    found.push(`${path}: ${shown(left)} ${names[0]}, ${shown(right)} ${names[1]}`);
  };
  const { delay: _one, ...left } = host;
  const { delay: _other, ...right } = envoy;
  compare("", left, right);
  return found;
}

/** Of two lists of headers only what the other lacks; both whole where they differ in order alone. */
function without(list: readonly unknown[], other: readonly unknown[]): readonly unknown[] {
  const texts = new Set(other.map((item) => JSON.stringify(item)));
  const left = list.filter((item) => !texts.has(JSON.stringify(item)));
  return left.length === 0 && list.length === other.length ? list : left;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const SHOWN = 400;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}
