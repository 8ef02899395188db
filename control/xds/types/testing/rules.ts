import { stringify } from "yaml";
import { destinationRule } from "../../../kinds/destination-rule/index.ts";
import { defaultMeshSettings } from "../../../kinds/mesh-config/index.ts";
import { formatProblem, type Kind, type TrafficRules } from "../../../model/index.ts";
import { readManifests } from "../../../model/manifest/read-manifests.ts";
import { Kinds, readObject } from "../../../model/objects/index.ts";

const kind: Kind = destinationRule;

/** The rules of a DestinationRule with this `spec`, as users write it. Throws where it is refused. */
export function rulesOf(spec: Readonly<Record<string, unknown>>): TrafficRules {
  const document = { apiVersion: "networking.istio.io/v1", kind: "DestinationRule", metadata: { name: "rule" }, spec };
  const [manifest] = readManifests("rule.yaml", stringify(document)).manifests;
  if (manifest === undefined) throw new Error("nothing read");
  const { object, problems } = readObject(manifest, new Kinds([kind]));
  const [rules] = object === undefined ? [] : (kind.contribute(object, defaultMeshSettings).trafficRules ?? []);
  if (rules === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  return rules;
}
