import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { create, toJson } from "@bufbuild/protobuf";
import { AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { registry } from "../../../../envoy-api/generated/registry.ts";
import { builtinFilters, customFilters } from "../../filter/plugins.ts";
import { viewOfYaml } from "../../testing/yaml-view.ts";
import { networkAuthorization } from "./index.ts";

// What AuthorizationPolicies in YAML become: the configurations of the filter for requests, and Envoy's own filters for connections. `npm run golden` writes these anew.

const folder = join(import.meta.dirname, "goldens");

test.for(readdirSync(folder).filter((file) => file.endsWith(".yaml") && !file.endsWith(".out.yaml")))("%s", async (file) => {
  const view = viewOfYaml(readFileSync(join(folder, file), "utf8"), { metadata: { LABELS: { app: "client" } } });
  const connections = networkAuthorization(view).map(({ name, configType }) => {
    const any = create(AnySchema, configType?.case === "typedConfig" ? configType.value : {});
    const message = anyUnpack(any, registry);
    const schema = registry.getMessage(message?.$typeName ?? "");
    if (message === undefined || schema === undefined) throw new Error(`${name ?? ""} is not typed`);
    return { name, ...(toJson(schema, message, { registry }) as object) };
  });
  const requests = [...customFilters(view, "inbound"), ...builtinFilters(view, "inbound", 0)];
  await expect(
    stringify({ requests, connections }, { lineWidth: 0, aliasDuplicateObjects: false }),
    "run `npm run golden` where this is as it should be",
  ).toMatchFileSnapshot(join(folder, file.replace(/\.yaml$/, ".out.yaml")));
});
