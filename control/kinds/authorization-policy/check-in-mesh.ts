import {
  type AuthorizationPolicy,
  externalAuthorizer,
  type FieldPath,
  type MeshObject,
  type MeshView,
  type Report,
  selects,
} from "../../model/index.ts";
import type { AuthorizationPolicySpec } from "./fields.ts";
import { checkPorts } from "./check-ports.ts";

/** `istioctl analyze`: workloads and namespaces that are not there; and providers and ports, where a policy decides something else than it says. */
export function checkInMesh(object: MeshObject<AuthorizationPolicySpec>, mesh: MeshView, report: Report): void {
  const policy = mesh.policies("AuthorizationPolicy").find((each) => each.object === object);
  if (policy === undefined) return;
  checkSelector(policy, mesh, report);
  checkNamespaces(object, mesh, report);
  checkProvider(policy, mesh, report);
  checkPorts(policy, mesh, report);
}

function checkSelector({ selector, namespace }: AuthorizationPolicy, mesh: MeshView, report: Report): void {
  if (Object.keys(selector).length === 0 || mesh.workloads().length === 0) return;
  const isRoot = namespace === mesh.settings.rootNamespace;
  const known = [...mesh.workloads(), ...mesh.peers()].filter((each) => isRoot || each.namespace === namespace);
  if (!known.some(({ labels }) => selects(selector, labels)))
    report("warning", "IST0127", ["spec", "selector"], `no workload${isRoot ? "" : " of its namespace"} has these labels`);
}

/** Namespaces that nothing is in, which is how one that is misspelt looks. */
function checkNamespaces({ spec }: MeshObject<AuthorizationPolicySpec>, mesh: MeshView, report: Report): void {
  if (mesh.workloads().length === 0) return;
  const known = new Set([...mesh.workloads(), ...mesh.services(), ...mesh.peers()].map(({ namespace }) => namespace));
  const check = (name: string, path: FieldPath) => {
    if (/^[-a-z0-9]+$/.test(name) && !known.has(name)) report("warning", "IST0101", path, `nothing is in namespace ${name}`);
  };
  for (const [index, rule] of (spec.rules ?? []).entries()) {
    for (const [at, { source }] of (rule.from ?? []).entries()) {
      for (const field of ["namespaces", "notNamespaces"] as const)
        for (const [place, name] of (source[field] ?? []).entries())
          check(name, ["spec", "rules", index, "from", at, "source", field, place]);
    }
  }
}

function checkProvider({ action, provider, selector, namespace }: AuthorizationPolicy, mesh: MeshView, report: Report): void {
  if (action !== "CUSTOM" || provider === undefined) return;
  const path = ["spec", "provider", "name"];
  const denies = "what the rules match is denied";
  const authorizer = externalAuthorizer(mesh.settings, provider);
  if (typeof authorizer === "string") {
    report("error", "IST0101", path, `${authorizer}; ${denies}`);
    return;
  }
  const { host, port } = authorizer;
  const services = mesh.servicesOf(host);
  if (!services.some(({ ports }) => ports.some(({ number }) => number === port)))
    report(
      "error",
      "IST0101",
      path,
      `${services.length === 0 ? `no service has host ${host}` : `${host} has no port ${port}`}, of extension provider ${provider}; ${denies}`,
    );
  const { rootNamespace } = mesh.settings;
  const other = mesh
    .policies("AuthorizationPolicy")
    .find(
      (each) =>
        each.action === "CUSTOM" &&
        each.provider !== provider &&
        (each.namespace === namespace || each.namespace === rootNamespace || namespace === rootNamespace) &&
        mayShare(selector, each.selector),
    );
  if (other !== undefined)
    report(
      "error",
      "IST0101",
      path,
      `a workload has one provider, as in Istio, and AuthorizationPolicy ${other.namespace}/${other.name} may name another for the same: there ${denies}`,
    );
}

/** Whether a workload can have the labels of both. */
function mayShare(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return Object.entries(a).every(([key, value]) => b[key] === undefined || b[key] === value);
}
