import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { registry } from "../../../envoy-api/generated/registry.ts";
import { IDENTITY_KEY, type ProxyView } from "../../../model/index.ts";
import { endpointType } from "../endpoint/index.ts";
import { secretType } from "../secret/index.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";
import type { XdsType } from "../xds-type.ts";
import { clusterType } from "./index.ts";

// What a mesh in YAML becomes: clusters, their endpoints, and the names of secrets that they ask for. `npm run golden` writes these anew.

const folder = join(import.meta.dirname, "goldens");
const ROUTER = { nodeId: "router~10.0.0.2~ingress.default~default.svc.cluster.local" };

test.for(readdirSync(folder).filter((file) => file.endsWith(".yaml") && !file.endsWith(".out.yaml")))("%s", async (file) => {
  const view = viewOfYaml(readFileSync(join(folder, file), "utf8"), {
    ...(file.startsWith("gateway") ? ROUTER : {}),
    ...(file.includes("identity") ? { metadata: { [IDENTITY_KEY]: "socket" } } : {}),
  });
  const fixed = new Set(["BlackHoleCluster", "PassthroughCluster", "InboundPassthroughCluster"]);
  const clusters = resourcesOf(clusterType(), view).filter(({ name }) => file.startsWith("fixed") || !fixed.has(name));
  const result = {
    cluster: clusters.map(({ json }) => json),
    endpoint: resourcesOf(endpointType, view).map(({ json }) => json),
    secret: resourcesOf(secretType, view).map(({ name }) => name),
  };
  await expect(
    stringify(result, { lineWidth: 0, aliasDuplicateObjects: false }),
    "run `npm run golden` where this is as it should be",
  ).toMatchFileSnapshot(join(folder, file.replace(/\.yaml$/, ".out.yaml")));
});

function resourcesOf(type: XdsType, view: ProxyView) {
  return [...type.units(view)].flatMap((unit) =>
    type.translate(view, unit).map(({ name, message }) => ({ name, json: toJson(type.schema, message, { registry }) })),
  );
}
