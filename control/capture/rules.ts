import type { CaptureOptions, IpFamily, IpRange } from "./options.ts";

/** Part of a rule: every given part must hold for the connection. */
interface Match {
  /** The interface by which it comes, or leaves. */
  readonly interface?: string;
  readonly source?: string;
  readonly destination?: { readonly range: string; readonly not?: true };
  /** Of the destination. */
  readonly port?: number;
  /** Of the process that opens it. */
  readonly user?: { readonly id: number; readonly not?: true };
  readonly group?: { readonly id: number; readonly not?: true };
}

/** The first rule that matches a new TCP connection decides: `let-through`, or the port of this machine that it is redirected to. */
export interface Rule extends Match {
  readonly verdict: "let-through" | number;
  readonly reason: string;
}

/** Of one family: rules for connections that come from elsewhere (PREROUTING), and for those that processes of this namespace open (OUTPUT). */
export interface CaptureRules {
  readonly family: IpFamily;
  readonly inbound: readonly Rule[];
  readonly outbound: readonly Rule[];
}

const LOCALHOST: Readonly<Record<IpFamily, string>> = { ipv4: "127.0.0.1/32", ipv6: "::1/128" };
/** Where Istio's sidecars connect from to a service behind them that they know nothing of. */
const PASSTHROUGH: Readonly<Record<IpFamily, string>> = { ipv4: "127.0.0.6/32", ipv6: "::6/128" };

/** The rules that Istio's sidecars have, in istio-iptables' order (`tools/istio-iptables/pkg/capture`). */
export function captureRules(options: CaptureOptions, family: IpFamily): CaptureRules {
  return { family, inbound: inboundRules(options), outbound: outboundRules(options, family) };
}

function inboundRules(options: CaptureOptions): Rule[] {
  const { includeInboundPorts, excludeInboundPorts, excludeInterfaces, inboundPort } = options;
  const interfaces = excludeInterfaces.map((name): Rule => ({ interface: name, verdict: "let-through", reason: "excludeInterfaces" }));
  if (includeInboundPorts !== "*") {
    const included = includeInboundPorts.map((port): Rule => ({ port, verdict: inboundPort, reason: "includeInboundPorts" }));
    return included.length === 0 ? [] : [...interfaces, ...included];
  }
  return [
    ...interfaces,
    ...excludeInboundPorts.map((port): Rule => ({ port, verdict: "let-through", reason: "excludeInboundPorts" })),
    { verdict: inboundPort, reason: "includeInboundPorts" },
  ];
}

function outboundRules(options: CaptureOptions, family: IpFamily): Rule[] {
  const { includeOutboundIpRanges: included, outboundPort } = options;
  const localhost = LOCALHOST[family];
  const of = (ranges: readonly IpRange[]) => ranges.filter((range) => range.family === family);
  const rules: Rule[] = [
    ...options.excludeInterfaces.map((name): Rule => ({ interface: name, verdict: "let-through", reason: "excludeInterfaces" })),
    ...options.excludeOutboundPorts.map((port): Rule => ({ port, verdict: "let-through", reason: "excludeOutboundPorts" })),
    { interface: "lo", source: PASSTHROUGH[family], verdict: "let-through", reason: "the proxy to the service beside it" },
    ...proxyRules(options, localhost, (not) => ({ user: { id: options.proxyUser, ...(not && { not }) } })),
    ...proxyRules(options, localhost, (not) => ({ group: { id: options.proxyGroup, ...(not && { not }) } })),
  ];
  if (options.user !== undefined) rules.push({ user: { id: options.user, not: true }, verdict: "let-through", reason: "another user" });
  rules.push({ destination: { range: localhost }, verdict: "let-through", reason: "between processes beside each other" });
  for (const { text } of of(options.excludeOutboundIpRanges)) {
    rules.push({ destination: { range: text }, verdict: "let-through", reason: "excludeOutboundIPRanges" });
  }
  for (const port of options.includeOutboundPorts) rules.push({ port, verdict: outboundPort, reason: "includeOutboundPorts" });
  if (included === "*") rules.push({ verdict: outboundPort, reason: "includeOutboundIPRanges" });
  else {
    for (const { text } of of(included)) {
      rules.push({ destination: { range: text }, verdict: outboundPort, reason: "includeOutboundIPRanges" });
    }
  }
  return rules;
}

/** What the proxy itself opens, told by its user and by its group. */
function proxyRules(options: CaptureOptions, localhost: string, owner: (not?: true) => Match): Rule[] {
  const { includeInboundPorts, inboundPort, user } = options;
  const toItself: Rule = {
    interface: "lo",
    destination: { range: localhost, not: true },
    ...owner(),
    verdict: inboundPort,
    reason: "a service that calls itself by its host name: out and in again",
  };
  // Of several workloads of one machine only this one's ports are this proxy's.
  const ports = user !== undefined && includeInboundPorts !== "*" ? includeInboundPorts.map((port) => ({ ...toItself, port })) : [toItself];
  return [
    ...ports,
    // A process that calls itself by its own address is left alone, unless its loopback traffic is asked for.
    ...(includesLoopback(options)
      ? []
      : [{ interface: "lo", ...owner(true), verdict: "let-through", reason: "a service that calls its own address" } as const]),
    { ...owner(), verdict: "let-through", reason: "the proxy's own traffic" },
  ];
}

function includesLoopback({ includeOutboundIpRanges: included }: CaptureOptions): boolean {
  return included !== "*" && included.some(({ text }) => text.startsWith("127.") || text === "::1/128");
}
