import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { registry } from "../../../envoy-api/generated/registry.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";
import { routeType } from "./index.ts";

// What VirtualServices become, of every host but the one for strangers. `npm run golden` writes these anew.

const folder = join(import.meta.dirname, "goldens");
const ROUTER = { nodeId: "router~10.0.0.2~ingress-1.default~default.svc.cluster.local", metadata: { LABELS: { app: "ingress" } } };

test.for(readdirSync(folder).filter((file) => file.endsWith(".yaml") && !file.endsWith(".out.yaml")))("%s", async (file) => {
  const view = viewOfYaml(readFileSync(join(folder, file), "utf8"), file.startsWith("gateway") ? ROUTER : {});
  const routes = [...routeType.units(view)]
    .flatMap((unit) => routeType.translate(view, unit))
    .filter(({ name }) => !name.endsWith("|*"))
    .map(({ message }) => toJson(routeType.schema, message, { registry }));
  await expect(
    stringify(routes, { lineWidth: 0, aliasDuplicateObjects: false }),
    "run `npm run golden` where this is as it should be",
  ).toMatchFileSnapshot(join(folder, file.replace(/\.yaml$/, ".out.yaml")));
});
