import {
  type AuthorizationPolicy,
  type AuthorizationRule,
  Code,
  externalAuthorizer,
  isHttp,
  looksAtHttp,
  type MeshView,
  type Protocol,
  type Report,
  selects,
} from "../../model/index.ts";

/** What a policy says of ports, beside those on which its workloads listen. */
export function checkPorts(policy: AuthorizationPolicy, mesh: MeshView, report: Report): void {
  const known = portsOf(policy, mesh);
  if (known.size === 0) return;
  const bytes = [...known].filter(([, protocol]) => !isHttp(protocol) && protocol !== "auto").map(([port]) => port);
  for (const [index, rule] of policy.rules.entries()) {
    const path = ["spec", "rules", index];
    for (const [at, { operation }] of (rule.to ?? []).entries()) {
      for (const [place, port] of (operation.ports ?? []).entries()) {
        if (!known.has(Number(port)))
          report(
            "warning",
            Code.Unreachable,
            [...path, "to", at, "operation", "ports", place],
            `no workload that it is for listens on port ${port}`,
          );
      }
    }
    const speaksOf = bytes.filter((port) => mayReach(rule, port));
    if (speaksOf.length > 0)
      checkBytes(
        policy,
        rule,
        speaksOf,
        (message) => {
          report("warning", Code.Surprise, path, message);
        },
        mesh,
      );
  }
}

/** Where connections carry no requests (Istio's warning of `ValidateAuthorizationPolicy`). */
function checkBytes(
  { action, provider, dryRun }: AuthorizationPolicy,
  rule: AuthorizationRule,
  ports: readonly number[],
  warn: (message: string) => void,
  mesh: MeshView,
): void {
  const where = `on ${ports.length === 1 ? "port" : "ports"} ${ports.toSorted((a, b) => a - b).join(", ")}, where no HTTP is spoken,`;
  const mend = "name the ports that it is for, in operation.ports";
  const authorizer = action === "CUSTOM" ? externalAuthorizer(mesh.settings, provider ?? "") : undefined;
  if (typeof authorizer === "object" && authorizer.type === "envoyExtAuthzHttp")
    warn(`${where} its provider, which is asked over HTTP, cannot be asked, so what the rule matches is denied; ${mend}`);
  else if (action !== "ALLOW" && action !== "AUDIT" && !dryRun && looksAtHttp(rule))
    warn(`${where} what it says of requests is left out, in Istio too, so it matches more; ${mend}`);
}

/** Whether a rule is for connections to a port. */
function mayReach({ to = [] }: AuthorizationRule, port: number): boolean {
  return (
    to.length === 0 ||
    to.some(
      ({ operation }) =>
        operation.ports?.some((each) => Number(each) === port) ?? !(operation.notPorts ?? []).some((each) => Number(each) === port),
    )
  );
}

/** Ports on which the workloads of a policy listen, as far as services and gateways say. */
function portsOf({ namespace, selector }: AuthorizationPolicy, mesh: MeshView): ReadonlyMap<number, Protocol> {
  const ports = new Map<number, Protocol>();
  const isRoot = namespace === mesh.settings.rootNamespace;
  for (const service of mesh.services()) {
    if (service.location !== "internal" || (!isRoot && service.namespace !== namespace)) continue;
    for (const endpoint of mesh.endpointsOf(service)) {
      if (!selects(selector, endpoint.labels)) continue;
      for (const { name, protocol } of service.ports) {
        const port = endpoint.ports[name];
        if (port !== undefined && protocol !== "udp") ports.set(port, protocol);
      }
    }
  }
  for (const gateway of mesh.gateways()) {
    if (!isRoot && gateway.namespace !== namespace) continue;
    const isFor = Object.entries(selector).every(([key, value]) => gateway.selector[key] === undefined || gateway.selector[key] === value);
    if (isFor)
      for (const { port } of gateway.servers)
        if (!ports.has(port.number)) ports.set(port.number, port.protocol === "http3" ? "http" : port.protocol);
  }
  return ports;
}
