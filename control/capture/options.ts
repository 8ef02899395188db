import { isIP, isIPv4 } from "node:net";

export type IpFamily = "ipv4" | "ipv6";

/** A range of addresses, such as `10.0.0.0/8` or `fd00::/8`. */
export interface IpRange {
  readonly family: IpFamily;
  readonly text: string;
}

/** What of the traffic of a network namespace goes through the proxy. The names are those of Istio's annotations (`traffic.sidecar.istio.io/...`). */
export interface CaptureOptions {
  /** Whom Envoy runs as: its own traffic is let through, or it would meet itself. */
  readonly proxyUser: number;
  readonly proxyGroup: number;
  /** Only connections that processes of this user open; undefined: those of all users. */
  readonly user?: number;
  /** Where Envoy takes captured connections that leave, and those that come. */
  readonly outboundPort: number;
  readonly inboundPort: number;
  /** `*` or a list, which may be empty. */
  readonly includeOutboundIpRanges: "*" | readonly IpRange[];
  readonly excludeOutboundIpRanges: readonly IpRange[];
  /** Captured also where they lead out of `includeOutboundIpRanges`. */
  readonly includeOutboundPorts: readonly number[];
  readonly excludeOutboundPorts: readonly number[];
  readonly includeInboundPorts: "*" | readonly number[];
  /** Counts where `includeInboundPorts` is `*`. */
  readonly excludeInboundPorts: readonly number[];
  readonly excludeInterfaces: readonly string[];
  /** A family that is captured while Envoy does not listen on it is closed, not open. */
  readonly families: readonly IpFamily[];
}

/** Whom Istio's proxies run as. */
export const PROXY_USER = 1337;
/** Istio's `proxyListenPort` and `proxyInboundListenPort`. */
export const OUTBOUND_PORT = 15_001;
export const INBOUND_PORT = 15_006;
/** What a sidecar serves by itself, as Istio's injector excludes it: merged metrics, readiness, Envoy's metrics. */
export const OWN_PORTS: readonly number[] = [15_020, 15_021, 15_090];

const ANNOTATION = "traffic.sidecar.istio.io/";

/** The options that are lists, as texts with commas between. */
export const CAPTURE_LISTS = [
  "includeOutboundIPRanges",
  "excludeOutboundIPRanges",
  "includeOutboundPorts",
  "excludeOutboundPorts",
  "includeInboundPorts",
  "excludeInboundPorts",
  "excludeInterfaces",
] as const;
export type CaptureLists = Partial<Readonly<Record<(typeof CAPTURE_LISTS)[number], string>>>;

export interface CaptureRequest {
  /** Hide the annotations of their names. */
  readonly lists: CaptureLists;
  readonly annotations: Readonly<Record<string, string>>;
  /** Default: {@link PROXY_USER} for both. */
  readonly proxyUser?: number;
  readonly proxyGroup?: number;
  readonly user?: number;
  /** Further ports that Envoy serves by itself. */
  readonly ownPorts?: readonly number[];
  /** Default: both. */
  readonly families?: readonly IpFamily[];
}

/**
 * Reads what is to be captured. Everything by default; of a single user everything that leaves, and of what comes the ports that are named, because a port does not say
 * whose it is.
 *
 * @returns texts that say what is wrong where something is
 */
export function readCaptureOptions(request: CaptureRequest): CaptureOptions | readonly string[] {
  const problems: string[] = [];
  const { lists, annotations, user, ownPorts = [], proxyUser = PROXY_USER, proxyGroup = PROXY_USER } = request;
  const textOf = (name: keyof CaptureLists) => lists[name] ?? annotations[ANNOTATION + name];
  const entries = (name: keyof CaptureLists) => split(textOf(name) ?? "");
  const ports = (name: keyof CaptureLists) => entries(name).map((text) => readPort(name, text, problems));
  const ranges = (name: keyof CaptureLists) => entries(name).flatMap((text) => readRange(name, text, problems));
  const everything = (name: keyof CaptureLists, fallback: string) => (textOf(name) ?? fallback).trim() === "*";
  const interfaces = entries("excludeInterfaces");
  // IFNAMSIZ of Linux is 16 bytes with the end; quotes and spaces would end the name in a rule.
  for (const name of interfaces)
    if (!/^[^\s"'/\\;{}+*]{1,15}$/.test(name)) problems.push(`excludeInterfaces: ${name} is no name of an interface`);
  if (user !== undefined && user === proxyUser) {
    problems.push(`user ${user} is the proxy's own: the traffic to capture and Envoy's cannot be told apart`);
  }
  const options: CaptureOptions = {
    proxyUser,
    proxyGroup,
    ...(user !== undefined && { user }),
    outboundPort: OUTBOUND_PORT,
    inboundPort: INBOUND_PORT,
    includeOutboundIpRanges: everything("includeOutboundIPRanges", "*") ? "*" : ranges("includeOutboundIPRanges"),
    excludeOutboundIpRanges: ranges("excludeOutboundIPRanges"),
    includeOutboundPorts: ports("includeOutboundPorts"),
    excludeOutboundPorts: ports("excludeOutboundPorts"),
    includeInboundPorts: everything("includeInboundPorts", user === undefined ? "*" : "") ? "*" : ports("includeInboundPorts"),
    excludeInboundPorts: [...new Set([...OWN_PORTS, ...ownPorts, ...ports("excludeInboundPorts")])],
    excludeInterfaces: interfaces,
    families: request.families ?? ["ipv4", "ipv6"],
  };
  return problems.length > 0 ? problems : options;
}

function split(text: string): string[] {
  return text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

function readPort(name: string, text: string, problems: string[]): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) problems.push(`${name}: ${text} is no port, 1 to 65535`);
  return port;
}

function readRange(name: string, text: string, problems: string[]): IpRange[] {
  const [address = "", bits, ...rest] = text.split("/");
  const width = isIPv4(address) ? 32 : 128;
  const length = Number(bits ?? width);
  // A zone (`fe80::1%eth0`) belongs to an address of this machine, and to no rule.
  if (isIP(address) === 0 || address.includes("%") || rest.length > 0 || !/^\d{1,3}$/.test(String(bits ?? width)) || length > width) {
    problems.push(`${name}: ${text} is no range of addresses, such as 10.0.0.0/8${name.startsWith("include") ? " or *" : ""}`);
    return [];
  }
  return [{ family: width === 32 ? "ipv4" : "ipv6", text: `${address}/${length}` }];
}
