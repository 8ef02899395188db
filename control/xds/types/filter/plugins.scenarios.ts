import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import type { ProxyView } from "../../../model/index.ts";
import { XDS_TYPES } from "../index.ts";
import { type Connection, exchange, freePort, httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

// Filters that decide who may do what, as WasmPlugins: what comes to a sidecar, what leaves it, and what passes a gateway. An edit of any reaches the live Envoy as that filter's own configuration.

const SIDECAR = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local";
const ROUTER = "router~10.0.0.2~ingress-1.default~default.svc.cluster.local";

interface Plugin {
  readonly filter: string;
  readonly config: object;
  readonly phase?: string;
  readonly match?: readonly object[];
}

const plugins = (list: readonly Plugin[]): string =>
  list
    .map(({ filter, config, phase, match }, index) => {
      const spec = {
        url: `builtin://${filter}`,
        pluginConfig: config,
        ...(phase === undefined ? {} : { phase }),
        ...(match === undefined ? {} : { match }),
      };
      const metadata = { name: `${filter}-${index}` };
      return `---\n${stringify({ apiVersion: "extensions.istio.io/v1alpha1", kind: "WasmPlugin", metadata, spec })}`;
    })
    .join("");

const denies = (path: string): Plugin => ({
  filter: "authorization",
  phase: "AUTHZ",
  config: { policies: [{ name: "p", namespace: "default", action: "DENY", rules: [{ to: [{ operation: { paths: [path] } }] }] }] },
});
const wantsKey = (key: string): Plugin => ({
  filter: "authentication",
  phase: "AUTHN",
  config: {
    apiKeys: [{ fromHeaders: [{ name: "x-key" }], consumers: [{ name: "c", sha256: [createHash("sha256").update(key).digest("hex")] }] }],
    required: true,
  },
});
const aborts = (httpStatus: number, match?: readonly object[]): Plugin => ({
  filter: "fault",
  config: { rules: [{ name: "all", abort: { httpStatus, percentage: { value: 100 } } }] },
  ...(match === undefined ? {} : { match }),
});

/** An Envoy whose plugins are edited while it runs. */
class Edited implements AsyncDisposable {
  readonly proxy: RunningProxy;
  private readonly view: (plugins: string) => ProxyView;

  private constructor(proxy: RunningProxy, view: (plugins: string) => ProxyView) {
    this.proxy = proxy;
    this.view = view;
  }

  static async start(nodeId: string, yaml: string, first: readonly Plugin[]): Promise<Edited> {
    const view = (more: string) => viewOfYaml(`${yaml}${more}`, { nodeId });
    const proxy = await RunningProxy.start({ view: view(plugins(first)), types: XDS_TYPES, nodeId });
    expect(proxy.refusals()).toEqual([]);
    return new Edited(proxy, view);
  }

  /** Makes an edit. Throws where it is refused, or where a listener was touched. */
  async edit(list: readonly Plugin[]): Promise<void> {
    const before = await this.listenerUpdates();
    await this.proxy.update({ view: this.view(plugins(list)) });
    expect(this.proxy.refusals()).toEqual([]);
    expect(await this.listenerUpdates()).toEqual(before);
  }

  /** Makes an edit that the filter refuses: the check that would stop it is passed over. */
  async editBadly(list: readonly Plugin[]): Promise<readonly string[]> {
    const view = this.view(plugins(list));
    const broken = view.plugins().map((plugin) => ({ ...plugin, pluginConfig: { policies: 1, apiKeys: 1, rules: 1 } }));
    await this.proxy.update({ view: Object.assign(Object.create(view) as ProxyView, { plugins: () => broken }) });
    return this.proxy.refusals();
  }

  private async listenerUpdates(): Promise<unknown> {
    return (await this.proxy.envoy.admin.stats("listener_manager.listener_(added|modified|in_place_updated|removed)")).values;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
  }
}

async function statusOf(connection: Connection, path: string, headers: readonly string[] = [], host = "web.test"): Promise<string> {
  return (await exchange(connection, httpRequest(host, path, headers))).slice("HTTP/1.1 ".length, "HTTP/1.1 200".length);
}

let web: Upstream;
const entry = (): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: web }
spec:
  hosts: [web.test]
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web.port} }, { number: 81, name: http-2, protocol: HTTP, targetPort: ${web.port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;

beforeAll(async () => {
  web = await startUpstream();
});
afterAll(async () => {
  await web?.[Symbol.asyncDispose]();
});

describe("a sidecar", () => {
  let sidecar: Edited;
  const inbound = () => sidecar.proxy.connection("inbound", "10.0.0.1:9080");
  const outbound = (port = 80) => sidecar.proxy.connection("outbound", `10.1.0.1:${port}`);

  beforeAll(async () => {
    const yaml = `${entry()}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: app }
spec:
  ingress:
    - { port: { number: 9080, protocol: HTTP, name: http }, defaultEndpoint: "127.0.0.1:${web.port}" }
    - { port: { number: 9081, protocol: HTTP, name: http-2 }, defaultEndpoint: "127.0.0.1:${web.port}" }
  egress: [{ hosts: ["*/*"] }]
`;
    sidecar = await Edited.start(SIDECAR, yaml, [wantsKey("first"), denies("/secret"), aborts(418)]);
  });
  afterAll(async () => {
    await sidecar?.[Symbol.asyncDispose]();
  });

  test("asks who comes and what for, and has faults of what leaves: each on its side", async () => {
    expect(await statusOf(inbound(), "/")).toBe("401");
    expect(await statusOf(inbound(), "/", ["x-key: first"])).toBe("200");
    expect(await statusOf(inbound(), "/secret", ["x-key: first"])).toBe("403");
    expect(await statusOf(outbound(), "/secret")).toBe("418");
  });

  test("takes edits of each", async () => {
    await sidecar.edit([wantsKey("second"), denies("/secret"), aborts(418)]);
    expect(await statusOf(inbound(), "/", ["x-key: first"])).toBe("401");
    expect(await statusOf(inbound(), "/secret", ["x-key: second"])).toBe("403");
    await sidecar.edit([wantsKey("second"), denies("/other"), aborts(418)]);
    expect(await statusOf(inbound(), "/secret", ["x-key: second"])).toBe("200");
    expect(await statusOf(inbound(), "/other", ["x-key: second"])).toBe("403");
    expect(await statusOf(outbound(), "/")).toBe("418");
    await sidecar.edit([wantsKey("second"), denies("/other"), aborts(503)]);
    expect(await statusOf(outbound(), "/")).toBe("503");
    expect(await statusOf(inbound(), "/other", ["x-key: second"])).toBe("403");
  });

  test("keeps what it has where it refuses an edit, on both sides, and takes the next", async () => {
    await sidecar.edit([wantsKey("kept"), denies("/kept"), aborts(429)]);
    const refusals = await sidecar.editBadly([wantsKey("kept"), denies("/kept"), aborts(429)]);
    expect(refusals.map((text) => text.split(":")[0]).toSorted()).toEqual(["meshwright.mesh/inbound", "meshwright.mesh/outbound"]);
    expect(await statusOf(inbound(), "/", ["x-key: wrong"])).toBe("401");
    expect(await statusOf(inbound(), "/kept", ["x-key: kept"])).toBe("403");
    expect(await statusOf(inbound(), "/", ["x-key: kept"])).toBe("200");
    expect(await statusOf(outbound(), "/")).toBe("429");
    await sidecar.edit([wantsKey("next"), denies("/next"), aborts(418)]);
    expect(await statusOf(inbound(), "/next", ["x-key: next"])).toBe("403");
    expect(await statusOf(outbound(), "/")).toBe("418");
  });

  test("has a filter for one side, and for some ports, where a plugin says so", async () => {
    const only = async (match: readonly object[]) => {
      await sidecar.proxy.update({
        view: viewOfYaml(`${entry()}${plugins([{ ...denies("/secret"), match }, aborts(418, match)])}`, { nodeId: SIDECAR }),
      });
      expect(sidecar.proxy.refusals()).toEqual([]);
      return [await statusOf(outbound(80), "/secret"), await statusOf(outbound(81), "/secret")];
    };
    expect(await only([{ mode: "SERVER" }])).toEqual(["200", "200"]);
    expect(await only([{ mode: "CLIENT" }])).toEqual(["418", "418"]);
    expect(await only([{ mode: "CLIENT_AND_SERVER", ports: [{ number: 81 }] }])).toEqual(["200", "418"]);
  });
});

test("a gateway asks who comes and what for, takes edits, and keeps what it has where it refuses one", async () => {
  const port = await freePort();
  const yaml = `${entry()}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, hosts: ["*"] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec: { hosts: ["*"], gateways: [edge], http: [{ route: [{ destination: { host: web.test, port: { number: 80 } } }] }] }
`;
  await using gateway = await Edited.start(ROUTER, yaml, [wantsKey("first"), denies("/secret")]);
  const ask = (path: string, key?: string) => statusOf({ port }, path, key === undefined ? [] : [`x-key: ${key}`]);
  expect(await ask("/")).toBe("401");
  expect(await ask("/", "first")).toBe("200");
  expect(await ask("/secret", "first")).toBe("403");
  await gateway.edit([wantsKey("second"), denies("/other")]);
  expect(await ask("/", "first")).toBe("401");
  expect(await ask("/secret", "second")).toBe("200");
  expect(await ask("/other", "second")).toBe("403");
  expect(await gateway.editBadly([wantsKey("second"), denies("/other")])).toEqual([expect.stringContaining("meshwright.mesh/gateway")]);
  expect(await ask("/")).toBe("401");
  expect(await ask("/other", "second")).toBe("403");
  await gateway.edit([wantsKey("third"), denies("/third")]);
  expect(await ask("/third", "third")).toBe("403");
});
