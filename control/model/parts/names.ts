import { isIP } from "node:net";
import { type FieldType, text } from "../fields/index.ts";

// What Istio calls a name, host or label (`pkg/config/labels`, `pkg/config/validation/agent`). Each check says what is wrong with a value, or nothing where it is good.

const LABEL = "[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?";
const LABEL_PATTERN = new RegExp(`^${LABEL}$`);
const WILDCARD_LABEL_PATTERN = new RegExp(`^(?:\\*|(?:\\*-?)?${LABEL})$`);
const LABEL_KEY_PATTERN = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE_PATTERN = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

/** Of a port or a subset: a label of DNS (RFC 1123) of at most 63 characters. */
export function wrongDnsLabel(value: string): string | undefined {
  if (value.length <= 63 && LABEL_PATTERN.test(value)) return undefined;
  return `${JSON.stringify(value)} is no DNS label; use up to 63 letters, digits and "-", which begin and end with a letter or digit`;
}

/** A full name of DNS without a wildcard: `reviews.example.com`. */
export function wrongDomain(value: string): string | undefined {
  const wrong = wrongLength(value);
  if (wrong !== undefined) return wrong;
  const labels = value.replace(/(?<=.)\.$/, "").split(".");
  for (const label of labels) {
    if (label.length > 63 || !LABEL_PATTERN.test(label))
      return `${JSON.stringify(value)} is no domain name: label ${JSON.stringify(label)} is invalid`;
  }
  const last = labels.at(-1) ?? "";
  return /^\d+$/.test(last) ? `${JSON.stringify(value)} is no domain name: its last label is a number` : undefined;
}

/** The same, whose first label may be or begin with `*`: `*.example.com`, `*`. */
export function wrongWildcardDomain(value: string): string | undefined {
  const wrong = wrongLength(value);
  if (wrong !== undefined) return wrong;
  const dot = value.indexOf(".");
  const first = dot < 0 ? value : value.slice(0, dot);
  if (first.length > 63 || !WILDCARD_LABEL_PATTERN.test(first))
    return `${JSON.stringify(value)} is no host name: label ${JSON.stringify(first)} is invalid`;
  return dot < 0 ? undefined : wrongDomain(value.slice(dot + 1));
}

function wrongLength(value: string): string | undefined {
  if (value === "") return "must not be empty";
  return value.length > 255 ? "is longer than 255 characters" : undefined;
}

/** Of a label of Kubernetes: `app`, `topology.kubernetes.io/region`. */
export function wrongLabelKey(key: string): string | undefined {
  const slash = key.indexOf("/");
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = slash < 0 ? key : key.slice(slash + 1);
  if ((prefix === undefined || wrongDomain(prefix) === undefined) && name.length <= 63 && LABEL_KEY_PATTERN.test(name)) return undefined;
  return `${JSON.stringify(key)} is no key of a label; expected [DOMAIN/]NAME, the name of up to 63 letters, digits, "-", "_" and "."`;
}

export function wrongLabelValue(value: string): string | undefined {
  if (value.length <= 63 && LABEL_VALUE_PATTERN.test(value)) return undefined;
  return `${JSON.stringify(value)} is no value of a label; use up to 63 letters, digits, "-", "_" and ".", which begin and end with a letter or digit`;
}

/** An address, or a range of addresses such as `10.0.0.0/8`. */
export function wrongSubnet(value: string): string | undefined {
  const [address = "", length, ...rest] = value.split("/");
  const version = isIP(address);
  const good =
    version !== 0 &&
    rest.length === 0 &&
    (length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (version === 4 ? 32 : 128)));
  return good ? undefined : `${JSON.stringify(value)} is neither an IP address nor a CIDR range such as 10.0.0.0/8`;
}

export const dnsLabel: FieldType<string> = text({ shape: "name", check: wrongDnsLabel });
export const domain: FieldType<string> = text({ shape: "domain name", check: wrongDomain });
export const wildcardDomain: FieldType<string> = text({ shape: "host name", check: wrongWildcardDomain });
export const subnet: FieldType<string> = text({ shape: "IP address or CIDR range", check: wrongSubnet });
