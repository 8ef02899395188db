import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import { Traffic } from "../testing/traffic.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

const folder = join(import.meta.dirname, "goldens");
// They name files that are not there.
const NOT_HERE = ["tls.yaml", "jwks.yaml"];
const files = readdirSync(folder).filter((file) => file.endsWith(".yaml") && !file.endsWith(".out.yaml") && !NOT_HERE.includes(file));

test.for(files)("Envoy takes what %s becomes, and all of it is ready", async (file, context) => {
  await requireTarget(envoyTarget, context);
  const nodeId = file.startsWith("gateway") ? "router~10.0.0.2~ingress.default~default.svc.cluster.local" : undefined;
  const view = viewOfYaml(readFileSync(join(folder, file), "utf8"), nodeId === undefined ? {} : { nodeId });
  await using traffic = await Traffic.start(view);
  expect(traffic.proxy.refusals()).toEqual([]);
  await expect
    .poll(
      async () => (await traffic.proxy.envoy.admin.stats("cluster_manager.warming_clusters")).values["cluster_manager.warming_clusters"],
    )
    .toBe(0);
});
