import { expect, test } from "vitest";
import { typeUrl } from "../envoy-api/index.ts";
import { objectKey, type Proxy, readProxy } from "../model/index.ts";
import { filterType } from "../xds/types/filter/index.ts";
import { meshOfYaml } from "../xds/types/testing/yaml-view.ts";
import { Configurations } from "./configurations.ts";

const type = filterType(() => ({ bytes: new Uint8Array(8), sha256: "" }));

/** Which app a policy is for; proxies know only by the mesh which app theirs is. */
const policy = (app: string) => `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens }
spec: { selector: { matchLabels: { app: ${app} } }, jwtRules: [{ issuer: "https://issuer.example.com", jwksUri: "https://issuer.example.com/keys" }] }
---
`;
const workloads = ["a", "b", "c"]
  .map(
    (app, index) => `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ${app} }
spec: { address: 10.0.0.${index}, labels: { app: ${app} } }
---
`,
  )
  .join("");

function proxyOf(index: number): Proxy {
  const proxy = readProxy({ id: `sidecar~10.0.0.${index}~p-${index}.default~default.svc.cluster.local`, metadata: {} });
  if (typeof proxy === "string") throw new Error(proxy);
  return proxy;
}

test("a policy reaches the proxies that it selects and no others, whichever of those that are alike came first", () => {
  const proxies = [0, 1, 2].map(proxyOf);
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
  ]) {
    const configurations = new Configurations([type], meshOfYaml(workloads + policy("b")));
    for (const index of order) configurations.add(proxies[index] ?? proxyOf(index));
    const governed = () =>
      proxies.filter(({ id }) => {
        const resources = configurations.snapshotOf(id)?.resources(typeUrl(type.schema));
        return Buffer.from(resources?.get("meshwright.mesh/inbound")?.value ?? []).includes("https://issuer.example.com/keys");
      });
    expect(governed()).toEqual([proxies[1]]);
    const moved = meshOfYaml(policy("c")).objects("RequestAuthentication");
    const { changed } = configurations.apply({ upserted: moved, removed: [] });
    expect([governed(), changed.map(({ proxy }) => proxy.id).sort()]).toEqual([[proxies[2]], [proxies[1]?.id, proxies[2]?.id]]);
    configurations.apply({ upserted: [], removed: moved.map(objectKey) });
    expect(governed()).toEqual([]);
  }
});
