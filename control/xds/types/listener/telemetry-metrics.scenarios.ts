import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MeasuredSidecar } from "./testing/measured-sidecar.ts";

// Telemetry: which metrics of requests there are, and with which labels, seen in one Envoy, on both sides of a sidecar.

let sidecar: MeasuredSidecar;
beforeAll(async () => {
  sidecar = await MeasuredSidecar.start();
});
afterAll(async () => {
  await sidecar?.[Symbol.asyncDispose]();
});

describe("metrics", () => {
  /** Names of series that one request each way adds to, without Envoy's prefix; labels stand in them. */
  const series = async (path: string): Promise<readonly string[]> => {
    const read = async () => new Map(Object.entries((await sidecar.proxy.envoy.admin.stats("istio_")).values));
    const before = await read();
    await sidecar.client(path);
    await sidecar.server(path);
    const changed = async () => [...(await read())].filter(([name, value]) => value !== (before.get(name) ?? 0)).map(([name]) => name);
    await expect.poll(async () => (await changed()).length, { timeout: 5_000 }).toBeGreaterThan(0);
    return changed();
  };
  const reporters = (names: readonly string[], metric: string) =>
    names.filter((name) => name.endsWith(metric)).map((name) => /reporter=\.=(\w+)/.exec(name)?.[1]);
  const prometheus = { providers: [{ name: "prometheus" }] };

  test("are counted on both sides where the mesh's default is prometheus", async () => {
    await sidecar.tune([], { defaultProviders: { metrics: ["prometheus"] } });
    expect(reporters(await series("/counted"), "istio_requests_total").toSorted()).toEqual(["destination", "source"]);
  });

  test("are counted where a level names a provider of the user's own that is prometheus", async () => {
    const own = { metrics: [{ providers: [{ name: "ours" }] }] };
    await sidecar.tune([own], { extensionProviders: [{ name: "ours", prometheus: {} }] });
    expect(reporters(await series("/ours"), "istio_requests_total").toSorted()).toEqual(["destination", "source"]);
  });

  test("have labels and are disabled as each level says, the narrower after the wider", async () => {
    await sidecar.tune([
      {
        namespace: "istio-system",
        metrics: [
          {
            ...prometheus,
            overrides: [
              { tagOverrides: { request_method: { value: "request.method" }, kept: { value: "'wide'" } } },
              { match: { metric: "REQUEST_COUNT" }, disabled: true },
            ],
          },
        ],
      },
      {
        metrics: [
          {
            overrides: [
              { match: { metric: "REQUEST_COUNT", mode: "SERVER" }, disabled: false },
              { match: { metric: "TCP_SENT_BYTES" }, disabled: true },
              { tagOverrides: { kept: { value: "'narrow'" }, response_flags: { operation: "REMOVE" } } },
            ],
          },
        ],
      },
    ]);
    const names = await series("/labels");
    expect(reporters(names, "istio_requests_total")).toEqual(["destination"]);
    const [counted = ""] = names.filter((name) => name.endsWith("istio_requests_total"));
    expect(counted).toContain("request_method=.=GET;");
    expect(counted).toContain("kept=.=narrow;");
    expect(counted).not.toContain("response_flags");
  });

  test("are those of Istio's installations where a level has no provider", async () => {
    await sidecar.tune([{ metrics: [{ overrides: [{ match: { mode: "CLIENT", metric: "ALL_METRICS" }, disabled: true }] }] }]);
    expect(reporters(await series("/default"), "istio_requests_total")).toEqual(["destination"]);
  });

  test.each<[string, object]>([
    ["all are disabled, and no filter runs", { ...prometheus, overrides: [{ disabled: true }] }],
    ["a level names another provider than the mesh", { providers: [{ name: "other" }] }],
  ])("are none where %s", async (_, rule) => {
    await sidecar.tune([{ metrics: [rule] }], {
      defaultProviders: { metrics: ["prometheus"] },
      extensionProviders: [{ name: "other", zipkin: { service: "collector.test", port: 80 } }],
    });
    const ran = async () => (await sidecar.proxy.envoy.admin.stats("istio_requests_total")).values;
    const before = await ran();
    await sidecar.client("/none");
    await sidecar.server("/none");
    expect(await ran()).toEqual(before);
  });
});
