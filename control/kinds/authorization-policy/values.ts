import { isIP } from "node:net";
import { RE2JS } from "re2js";
import { type FieldType, list, text } from "../../model/fields/index.ts";

// What may stand in the lists of a rule. The filter refuses what is no value of its field, and with it all policies of a workload: so nothing that it refuses may get past here.

/** A list of texts, none of them empty; an empty list says nothing, as in proto3. */
export function texts(shape: string, check?: (value: string) => string | undefined): FieldType<readonly string[]> {
  return list(text({ shape, ...(check === undefined ? {} : { check }) }));
}

/** Istio's `ValidateIPs`. */
export function wrongAddressRange(value: string): string | undefined {
  const [address = "", length, more] = value.split("/");
  const version = isIP(address);
  const bits = version === 6 ? 128 : 32;
  const good =
    version !== 0 &&
    !address.includes("%") &&
    more === undefined &&
    (length === undefined || (/^(0|[1-9]\d*)$/.test(length) && Number(length) <= bits));
  return good ? undefined : `${JSON.stringify(value)} is no address or range of addresses, such as 10.0.0.0/8 or fd00::/8`;
}

/** Istio's `ValidatePorts`: ports are texts, and 0 is one. */
export function wrongPort(value: string): string | undefined {
  return /^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? undefined : `${JSON.stringify(value)} is no port; "0" to "65535" is allowed`;
}

/** Istio's `CheckServiceAccount`. */
export function wrongServiceAccount(value: string): string | undefined {
  if (value.includes("*")) return "service accounts take no wildcard; write all of them, or principals";
  const parts = value.split("/");
  if (parts.length > 2 || parts.includes("")) return `${JSON.stringify(value)} is neither ACCOUNT nor NAMESPACE/ACCOUNT`;
  return wrongExpression(value, value);
}

/** Istio makes a regular expression of a namespace, and takes it as it stands. */
export function wrongNamespace(value: string): string | undefined {
  return wrongExpression(value, `.*/ns/${value.replaceAll("*", ".*")}/.*`);
}

/** And of a principal that begins with a star. */
export function wrongPrincipal(value: string): string | undefined {
  return value.startsWith("*") && value !== "*" ? wrongExpression(value, `.*${value.slice(1)}`) : undefined;
}

function wrongExpression(value: string, expression: string): string | undefined {
  try {
    RE2JS.compile(expression);
    return undefined;
  } catch {
    return `${JSON.stringify(value)} becomes a part of a regular expression, in Istio too, and is none`;
  }
}

/**
 * A path, or where `{*}` or `{**}` stand in it a template (Istio's `CheckValidPathTemplate`, and the syntax of Envoy's
 * `envoy.path.match.uri_template`).
 */
export function wrongPath(value: string): string | undefined {
  if (!/\{\*\*?\}/.test(value)) return undefined;
  const because = (message: string) => `${JSON.stringify(value)} is no path template: ${message}`;
  if (!value.startsWith("/")) return because("it begins with a /");
  const segments = value.slice(1).split("/");
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (segment === "" && isLast) continue;
    const [, glob = "", rest = ""] = /^(\{\*\*?\})?(.*)$/s.exec(segment) ?? [];
    if (/[{}*]/.test(rest))
      return because("beside {*} and {**}, which stand at the beginning of a segment, there is no variable and no star");
    if (glob !== "" && rest !== "" && !isLast) return because(`what follows ${glob} is a / or the end`);
    if (segment === "" || !/^[-A-Za-z0-9._~%!$&'()+,;:@=]*$/.test(rest))
      return because("a segment is empty, or has a character other than letters, digits and -._~%!$&'()+,;:@=");
    if (glob === "{**}" && segments.slice(index + 1).some((later) => later.includes("{"))) return because("nothing variable follows {**}");
  }
  return undefined;
}
