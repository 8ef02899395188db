import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { XDS_TYPES } from "../index.ts";
import { httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

function plugin(name: string, spec: string): string {
  return `
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: ${name} }
spec: ${spec}
`;
}

describe("a filter of a proxy", () => {
  let upstream: Upstream;
  let proxy: RunningProxy;
  const services = () => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: web }
spec:
  hosts: [web.test]
  addresses: [10.10.0.1]
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${upstream.port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;
  const view = (plugins: string) => viewOfYaml(services() + plugins);
  const abort = (status: number) =>
    plugin(
      "fault",
      `{ url: "builtin://fault", pluginConfig: { rules: [{ name: all, abort: { httpStatus: ${status}, percentage: { value: 100 } } }] } }`,
    );
  const get = async () => (await proxy.redirected("outbound", "10.10.0.1:80", httpRequest("web.test"))).split("\r\n")[0];
  const listenerUpdates = async () => (await proxy.envoy.admin.stats("listener_manager.listener_(modified|in_place_updated)")).values;

  beforeAll(async () => {
    upstream = await startUpstream();
    proxy = await RunningProxy.start({ view: view(abort(418)), types: XDS_TYPES });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  test("does what its configuration says", async () => {
    expect(proxy.refusals()).toEqual([]);
    expect(await get()).toBe("HTTP/1.1 418 Unknown");
  });

  test("takes another configuration without a change of the listener", async () => {
    const before = await listenerUpdates();
    await proxy.update({ view: view(abort(503)) });
    expect(await get()).toBe("HTTP/1.1 503 Service Unavailable");
    expect(await listenerUpdates()).toEqual(before);
  });

  test("keeps the old one where it refuses the new one, and says why", async () => {
    const bad = {
      ...view(abort(503)),
      plugins: () =>
        view(abort(503))
          .plugins()
          .map((each) => ({ ...each, pluginConfig: { rules: 1 } })),
    };
    const refused = Object.assign(Object.create(view(abort(503))) as ReturnType<typeof view>, { plugins: bad.plugins });
    await proxy.update({ view: refused });
    expect(proxy.refusals()).toEqual([expect.stringContaining("meshwright.mesh/outbound")]);
    expect(await get()).toBe("HTTP/1.1 503 Service Unavailable");
    await proxy.update({ view: view(abort(429)) });
    expect(proxy.refusals()).toEqual([]);
    expect(await get()).toBe("HTTP/1.1 429 Too Many Requests");
  });

  test("is gone when nobody asks for it", async () => {
    await proxy.update({ view: view("") });
    expect(await get()).toBe("HTTP/1.1 200 OK");
  });
});
