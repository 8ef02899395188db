import { describe, expect, test } from "vitest";
import { annotationProblems, nodeSettings, ownProxyConfig } from "./node-settings.ts";

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

describe("what a proxy says of itself", () => {
  /** Each line has the one before it seven times. */
  const explode = (line: string, index: number): string =>
    index === 0
      ? line
      : `${line}: &${line} [${Array<string>(7)
          .fill(`*${String.fromCharCode(line.charCodeAt(0) - 1)}`)
          .join()}]`;
  const said = (text: string) => ({ "proxy.istio.io/config": text });

  test("is its pod's annotation, PROXY_CONFIG over that, and the annotation in ANNOTATIONS over both", () => {
    const metadata = {
      PROXY_CONFIG: { concurrency: 2, drainDuration: "2s", gatewayTopology: { numTrustedProxies: 2 } },
      ANNOTATIONS: said("concurrency: 3\nproxyMetadata: { A: own }"),
    };
    const annotation =
      "{ concurrency: 1, drainDuration: 1s, statusPort: 1, gatewayTopology: { proxyProtocol: {} }, proxyMetadata: { A: pod, B: pod } }";
    expect(ownProxyConfig(metadata, annotation)).toEqual({
      concurrency: 3,
      drainDuration: "2s",
      statusPort: 1,
      gatewayTopology: { numTrustedProxies: 2, proxyProtocol: {} },
      proxyMetadata: { A: "own", B: "pod" },
    });
  });

  test.each([
    ["nothing", {}, undefined],
    ["what is no YAML", { ANNOTATIONS: said("{") }, "a: ["],
    ["what is no mapping", { PROXY_CONFIG: 1, ANNOTATIONS: said("text") }, "- 1"],
    ["aliases that explode", {}, ["a: &a [1, 1, 1, 1, 1, 1, 1]", ..."bcdefgh"].map(explode).join("\n")],
  ])("is nothing in %s", (_what, metadata, annotation) => {
    expect(ownProxyConfig(metadata, annotation)).toBeUndefined();
  });
});

test("an annotation is told what is wrong with it: what is refused says nothing, and the others hold", () => {
  expect(annotationProblems("concurrency: 2\ngatewayTopology: { numTrustedProxies: 1 }")).toEqual([]);
  expect(annotationProblems("text")).toMatchObject([{ level: "error", message: "expected YAML, fields of Istio's ProxyConfig" }]);
  expect(annotationProblems("{ gatewayTopolgy: {}, concurrency: many, holdApplicationUntilProxyStarts: true }")).toMatchObject([
    { level: "error", message: expect.stringMatching(/^gatewayTopolgy: unknown field .* did you mean gatewayTopology\?$/) as string },
    { level: "error", message: 'concurrency: expected an integer, found "many"' },
    { level: "warning", message: expect.stringMatching(/^holdApplicationUntilProxyStarts: .* nobody starts containers here$/) as string },
  ]);
});
