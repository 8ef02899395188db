import { describe, expect, test } from "vitest";
import { nodeSettings } from "./node-settings.ts";

describe("what a node says of its listeners", () => {
  test.each([[undefined], [null], ["text"], [[]], [{}], [{ concurrency: 2, proxyMetadata: { A: "b" }, configPath: "./etc" }]])(
    "is nothing in %j",
    (given) => {
      expect(nodeSettings(given)).toEqual({ settings: undefined, problems: [] });
    },
  );

  test("is what it gives, field by field", () => {
    expect(nodeSettings({ gatewayTopology: { numTrustedProxies: 2, proxyProtocol: {} } }).settings).toEqual({
      gatewayTopology: { numTrustedProxies: 2, proxyProtocol: true },
    });
    expect(nodeSettings({ proxyHeaders: { server: { value: "mine" } } }).settings).toEqual({
      proxyHeaders: { server: "mine" },
    });
    expect(nodeSettings({ connectionSettings: { http_idle_timeout: "5s" } }).settings).toEqual({
      connectionSettings: { httpIdleTimeout: 5_000 },
    });
    expect(nodeSettings({ tracing: { sampling: 10 } }).settings).toMatchObject({ tracingSampling: 10 });
  });

  test("leaves out what the mesh does not carry out, which Istio's agent sends all the same", () => {
    const { settings, problems } = nodeSettings({ tracing: { zipkin: { address: "zipkin:9411" }, sampling: 5 }, gatewayTopology: null });
    expect(settings).toMatchObject({ tracingSampling: 5 });
    expect(settings).not.toHaveProperty("gatewayTopology");
    expect(problems).toEqual([]);
  });

  test("is nothing where it is of the wrong shape, which is told", () => {
    expect(
      nodeSettings({ gatewayTopology: { numTrustedProxies: "many" }, proxyHeaders: 1, connectionSettings: { httpIdleTimeuot: "5s" } }),
    ).toEqual({
      settings: undefined,
      problems: [
        'PROXY_CONFIG.gatewayTopology.numTrustedProxies: expected an integer, found "many"',
        "PROXY_CONFIG.proxyHeaders: expected a mapping, found 1",
        'PROXY_CONFIG.connectionSettings.httpIdleTimeuot: unknown field "httpIdleTimeuot"; did you mean httpIdleTimeout?',
      ],
    });
  });
});
