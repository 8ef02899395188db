import type { ReadContext } from "./context.ts";
import type { FieldType } from "./field-type.ts";
import { describe } from "./object-type.ts";
import { suggestion } from "./suggestion.ts";

export interface TextOptions {
  /** What the text is, for messages and documentation. */
  readonly shape?: string;
  /** The empty string is as good as a missing field in proto3; refused unless this is set. */
  readonly empty?: boolean;
  /** Says what is wrong with a value, and what to do; undefined where it is good. */
  readonly check?: (value: string) => string | undefined;
}

export function text({ shape = "string", empty = false, check }: TextOptions = {}): FieldType<string> {
  return {
    shape,
    read(value, context) {
      if (typeof value !== "string") return context.wrong(`expected a ${shape}, found ${describe(value)}${quoted(value)}`);
      if (value === "" && !empty) return context.wrong("must not be empty; leave the field out instead");
      const wrong = check?.(value);
      return wrong === undefined ? value : context.wrong(wrong);
    },
  };
}

/** YAML makes numbers and booleans of what people meant as text. */
function quoted(value: unknown): string {
  return typeof value === "number" || typeof value === "boolean" ? `; quote it: "${value}"` : "";
}

export interface IntegerOptions {
  readonly least?: number;
  readonly most?: number;
  readonly shape?: string;
}

/** Proto3 JSON takes a number, a number with nothing behind its point, or either as a string. */
export function integer({ least = 0, most = 0xffffffff, shape = "integer" }: IntegerOptions = {}): FieldType<number> {
  return {
    shape,
    read(value, context) {
      const number = toNumber(value);
      if (number === undefined || !Number.isInteger(number))
        return context.wrong(`expected ${/^[aeiou]/.test(shape) ? "an" : "a"} ${shape}, found ${describe(value)}`);
      if (number < least || number > most) return context.wrong(`${number} is out of range; ${least} to ${most} is allowed`);
      return number;
    },
  };
}

/** A number from `least` to `most`, both included. */
export function decimal({
  least = -Infinity,
  most = Infinity,
}: { readonly least?: number; readonly most?: number } = {}): FieldType<number> {
  return {
    shape: "number",
    read(value, context) {
      const number = toNumber(value);
      if (number === undefined) return context.wrong(`expected a number, found ${describe(value)}`);
      if (number < least || number > most) return context.wrong(`${number} is out of range; ${least} to ${most} is allowed`);
      return number;
    },
  };
}

function toNumber(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || !/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return undefined;
  return Number(value);
}

export const portNumber: FieldType<number> = integer({ least: 1, most: 65535, shape: "port number" });

export const boolean: FieldType<boolean> = {
  shape: "true or false",
  read(value, context) {
    return typeof value === "boolean" ? value : context.wrong(`expected true or false, found ${describe(value)}`);
  },
};

/** One of the names given; a name that is near gets a suggestion. */
export function choice<const Name extends string>(...names: readonly Name[]): FieldType<Name> {
  return {
    shape: names.join(" | "),
    read(value, context) {
      const found = names.find((name) => name === value);
      if (found !== undefined) return found;
      const near = typeof value === "string" ? suggestion(value.toUpperCase(), names) : "";
      return context.wrong(`expected one of ${names.join(", ")}, found ${describe(value)}${near}`);
    },
  };
}

export interface DurationOptions {
  /** In milliseconds. */
  readonly least?: number;
  readonly most?: number;
}

/** A span of time as Istio writes it (`1h`, `1m30s`, `1.5s`, `100ms`); read as milliseconds. */
export function duration({ least = 0, most = 315_576_000_000_000 }: DurationOptions = {}): FieldType<number> {
  return {
    shape: "duration such as 1.5s",
    read(value, context) {
      const milliseconds = typeof value === "string" ? parseDuration(value) : undefined;
      if (milliseconds === undefined) return context.wrong(`expected a duration such as 5s, 1m30s or 100ms, found ${describe(value)}`);
      if (milliseconds < least || milliseconds > most) return context.wrong(outOfRange(value as string, least, most));
      return milliseconds;
    },
  };
}

function outOfRange(value: string, least: number, most: number): string {
  return value.startsWith("-") || most >= 315_576_000_000_000
    ? `${value} is too short; at least ${least}ms`
    : `${value} is out of range; ${least}ms to ${most}ms is allowed`;
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 };

/** Go's `time.ParseDuration`, which Istio's YAML follows; undefined where it is none. */
export function parseDuration(value: string): number | undefined {
  const match = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|m|s|us|µs|ns))+$/.exec(value);
  if (match === null) return value === "0" ? 0 : undefined;
  let total = 0;
  for (const [, count, unit] of value.matchAll(/(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)/g))
    total += Number(count) * (UNITS[unit ?? ""] ?? NaN);
  return match[1] === "-" ? -total : total;
}

/** Any value of JSON, as it stands. */
export const json: FieldType<unknown> = { shape: "any value", read: (value: unknown, _context: ReadContext) => value };
