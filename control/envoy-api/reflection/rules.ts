import { isIP, isIPv4, isIPv6 } from "node:net";
import type { DescEnum } from "@bufbuild/protobuf";
import { RE2JS } from "re2js";
import { type FieldRules, KnownRegex, type StringRules } from "../generated/validate/validate_pb.ts";

/**
 * What a value breaks of the rules for its field (protoc-gen-validate's), in words; undefined where it breaks none.
 *
 * @param value of a scalar, a list, a map or a message; undefined where there is none
 * @param of the values of an enum
 */
export function brokenRule({ message, type }: FieldRules, value: unknown, of?: DescEnum): string | undefined {
  if (value === undefined) {
    const needed = message?.required === true || ((type.case === "any" || type.case === "duration") && type.value.required);
    return needed ? "is missing" : undefined;
  }
  switch (type.case) {
    case undefined:
    case "bool":
    case "timestamp":
      return undefined;
    case "string":
      return brokenString(type.value, value as string);
    case "bytes":
      return brokenLength((value as Uint8Array).length, Number(type.value.minLen), Number(type.value.maxLen), "bytes");
    case "enum":
      return type.value.definedOnly && of !== undefined && of.value[value as number] === undefined
        ? `has no value ${value as number}`
        : undefined;
    case "repeated": {
      const items = value as readonly unknown[];
      const isUnique = !type.value.unique || new Set(items).size === items.length;
      if (type.value.ignoreEmpty && items.length === 0) return undefined;
      return (
        brokenLength(items.length, Number(type.value.minItems), Number(type.value.maxItems), "entries") ??
        (isUnique ? undefined : "has an entry twice")
      );
    }
    case "map":
      return brokenLength(
        (value as ReadonlyMap<unknown, unknown>).size,
        Number(type.value.minPairs),
        Number(type.value.maxPairs),
        "entries",
      );
    case "any": {
      const { typeUrl } = value as { readonly typeUrl: string };
      return type.value.in.length > 0 && !type.value.in.includes(typeUrl) ? `must be one of ${type.value.in.join(", ")}` : undefined;
    }
    case "duration": {
      const { lt, lte, gt, gte } = type.value;
      return brokenRange(secondsOf(value as Span), { lt: spanOf(lt), lte: spanOf(lte), gt: spanOf(gt), gte: spanOf(gte) }, "s");
    }
    default:
      return brokenNumber(type.value, value as number | bigint);
  }
}

interface Span {
  readonly seconds: bigint;
  readonly nanos: number;
}

function secondsOf({ seconds, nanos }: Span): number {
  return Number(seconds) + nanos / 1e9;
}

function spanOf(span: Span | undefined): number | undefined {
  return span === undefined ? undefined : secondsOf(span);
}

type Numbers = Exclude<
  FieldRules["type"],
  { readonly case: undefined | "bool" | "timestamp" | "string" | "bytes" | "enum" | "repeated" | "map" | "any" | "duration" }
>["value"];

function brokenNumber(rules: Numbers, value: number | bigint): string | undefined {
  if (rules.ignoreEmpty && Number(value) === 0) return undefined;
  const allowed: readonly (number | bigint)[] = rules.in;
  if (allowed.length > 0 && !allowed.some((each) => Number(each) === Number(value))) return `must be one of ${allowed.join(", ")}`;
  // Unset limits are zero in the type and absent in the message.
  const limit = (name: "lt" | "lte" | "gt" | "gte"): number | undefined => (Object.hasOwn(rules, name) ? Number(rules[name]) : undefined);
  return brokenRange(Number(value), { lt: limit("lt"), lte: limit("lte"), gt: limit("gt"), gte: limit("gte") }, "");
}

type Limits = Readonly<Record<"lt" | "lte" | "gt" | "gte", number | undefined>>;

function brokenRange(value: number, { lt, lte, gt, gte }: Limits, unit: string): string | undefined {
  // With the limits the wrong way round everything is allowed but what lies between them.
  const [low, high] = [gt ?? gte, lt ?? lte];
  const isAbove = (gt === undefined || value > gt) && (gte === undefined || value >= gte);
  const isBelow = (lt === undefined || value < lt) && (lte === undefined || value <= lte);
  const isFine = low !== undefined && high !== undefined && high < low ? isAbove || isBelow : isAbove && isBelow;
  if (isFine) return undefined;
  const words = [
    [gt, "more than"],
    [gte, "at least"],
    [lt, "less than"],
    [lte, "at most"],
  ].flatMap(([limit, text]) => (limit === undefined ? [] : [`${text} ${limit}${unit}`]));
  return `is ${value}${unit}; it must be ${words.join(" and ")}`;
}

function brokenLength(length: number, least: number, most: number, what: string): string | undefined {
  if (length < least) return least === 1 ? "must not be empty" : `has ${length} ${what}; at least ${least} are needed`;
  return most > 0 && length > most ? `has ${length} ${what}; at most ${most} are allowed` : undefined;
}

/** RFC 7230's token, with the pseudo headers of HTTP/2. */
const HEADER_NAME = /^:?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+$/;

function brokenString(rules: StringRules, value: string): string | undefined {
  if (rules.ignoreEmpty && value === "") return undefined;
  const characters = [...value].length;
  const bytes = Buffer.byteLength(value);
  const broken =
    brokenLength(characters, Number(rules.minLen), Number(rules.maxLen), "characters") ??
    brokenLength(bytes, Number(rules.minBytes), Number(rules.maxBytes), "bytes");
  if (broken !== undefined) return broken;
  if (rules.in.length > 0 && !rules.in.includes(value)) return `must be one of ${rules.in.join(", ")}`;
  if (rules.notIn.includes(value)) return `must not be ${JSON.stringify(value)}`;
  if (!value.startsWith(rules.prefix)) return `must begin with ${JSON.stringify(rules.prefix)}`;
  if (!value.endsWith(rules.suffix)) return `must end with ${JSON.stringify(rules.suffix)}`;
  if (rules.pattern !== "" && !RE2JS.compile(rules.pattern).matcher(value).find()) return `must match ${rules.pattern}`;
  switch (rules.wellKnown.case) {
    case "ip":
      return rules.wellKnown.value && isIP(value) === 0 ? "must be an IP address" : undefined;
    case "ipv4":
      return rules.wellKnown.value && !isIPv4(value) ? "must be an IPv4 address" : undefined;
    case "ipv6":
      return rules.wellKnown.value && !isIPv6(value) ? "must be an IPv6 address" : undefined;
    case "wellKnownRegex": {
      // A relaxed name or value (`strict: false`) may be anything but NUL, CR and LF.
      if (/[\0\r\n]/.test(value)) return "must not have NUL, CR or LF";
      const isName = rules.wellKnown.value === KnownRegex.HTTP_HEADER_NAME;
      return rules.strict && isName && value !== "" && !HEADER_NAME.test(value) ? "is no name of a header" : undefined;
    }
    default:
      return undefined;
  }
}
