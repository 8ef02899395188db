import {
  Code,
  type FieldPath,
  type MeshObject,
  type MeshSettings,
  type MeshView,
  type Report,
  selects,
  type Telemetry,
} from "../../model/index.ts";
import { telemetryOf } from "./contribution.ts";
import type { TelemetrySpec } from "./fields.ts";

/** Types of providers that do something for a use (as MeshConfig's `defaultProviders` has them). */
const USES: Readonly<Record<"tracing" | "metrics" | "accessLogging", readonly string[]>> = {
  tracing: ["zipkin", "datadog", "skywalking", "opentelemetry"],
  metrics: ["prometheus"],
  accessLogging: ["envoyFileAccessLog", "envoyHttpAls", "envoyTcpAls", "envoyOtelAls"],
};

/** The analysers of `istioctl analyze`, and providers that are not there or of another use, which Istio passes over in silence. */
export function checkInMesh(object: MeshObject<TelemetrySpec>, mesh: MeshView, report: Report): void {
  const telemetry = telemetryOf(object);
  for (const use of Object.keys(USES) as (keyof typeof USES)[]) checkProviders(telemetry, use, mesh.settings, report);
  checkSelector(telemetry, mesh, report);
  checkOlder(telemetry, mesh, report);
}

function checkProviders(telemetry: Telemetry, use: keyof typeof USES, settings: MeshSettings, report: Report): void {
  const { extensionProviders, defaultProviders } = settings;
  for (const [index, { providers }] of telemetry[use].entries()) {
    const path: FieldPath = ["spec", use, index, "providers"];
    const hasDefault = defaultProviders[use].length > 0 || use === "metrics";
    if (providers.length === 0 && !hasDefault)
      report(
        "warning",
        "IST0157",
        path.slice(0, -1),
        `has no effect unless a wider level names a provider: MeshConfig's defaultProviders has none for ${use}`,
      );
    for (const [at, name] of providers.entries()) {
      const type = extensionProviders.find((each) => each.name.toLowerCase() === name.toLowerCase())?.type;
      const where = [...path, at, "name"];
      if (type === undefined)
        report("error", Code.Value, where, `there is no provider ${JSON.stringify(name)} among MeshConfig's extensionProviders`);
      else if (!USES[use].includes(type))
        report("error", Code.Value, where, `provider ${JSON.stringify(name)} is of type ${type}, which is none for ${use}`);
    }
  }
}

function checkSelector({ selector, namespace }: Telemetry, mesh: MeshView, report: Report): void {
  if (isForAll(selector) || mesh.workloads().length === 0) return;
  const known = [...mesh.workloads(), ...mesh.peers()].filter((each) => each.namespace === namespace);
  // A mesh without pods is described by its proxies alone, whose labels come with them.
  if (!known.some((each) => selects(selector, each.labels)))
    report("warning", "IST0127", ["spec", "selector"], "no workload of its namespace has these labels");
}

/** Of two for the same workloads the oldest counts, and nothing of the younger. */
function checkOlder(telemetry: Telemetry, mesh: MeshView, report: Report): void {
  const { namespace, selector, object } = telemetry;
  const forAll = isForAll(selector);
  const workloads = mesh.workloads().filter((each) => each.namespace === namespace && selects(selector, each.labels));
  for (const other of mesh.policies("Telemetry")) {
    if (other.object === object) return;
    if (other.namespace !== namespace || isForAll(other.selector) !== forAll) continue;
    if (forAll) {
      const message = `has no effect: Telemetry ${other.name} is older and for all workloads of namespace ${namespace} too`;
      return report("error", "IST0160", ["metadata", "name"], message);
    }
    const shared = workloads.find((each) => selects(other.selector, each.labels));
    if (shared !== undefined || (selects(other.selector, selector) && selects(selector, other.selector))) {
      const whom = shared === undefined ? "the same workloads" : `${shared.name} and maybe others`;
      return report(
        "error",
        "IST0159",
        ["spec", "selector"],
        `has no effect on ${whom}: Telemetry ${other.name} is older and selects them too`,
      );
    }
  }
}

function isForAll(selector: Telemetry["selector"]): boolean {
  return Object.keys(selector).length === 0;
}
