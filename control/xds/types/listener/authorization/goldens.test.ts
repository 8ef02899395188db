import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { anyUnpack, anyIs } from "@bufbuild/protobuf/wkt";
import { toJson } from "@bufbuild/protobuf";
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
    const any = configType?.case === "typedConfig" ? configType.value : undefined;
    const schema = registry.getMessage(any?.typeUrl?.split("/").at(-1) ?? "");
    if (any === undefined || schema === undefined || !anyIs(any as Parameters<typeof anyIs>[0], schema))
      throw new Error(`${name ?? ""} is not typed`);
    const message = anyUnpack(any, schema);
    return { name, ...(message === undefined ? {} : (toJson(schema, message, { registry }) as object)) };
  });
  const requests = [...customFilters(view, "inbound"), ...builtinFilters(view, "inbound", 0)];
  await expect(
    stringify({ requests, connections }, { lineWidth: 0, aliasDuplicateObjects: false }),
    "run `npm run golden` where this is as it should be",
  ).toMatchFileSnapshot(join(folder, file.replace(/\.yaml$/, ".out.yaml")));
});
