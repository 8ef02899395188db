import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { filterFiles } from "../../../../filters/index.ts";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import type { ModuleState } from "../../../model/index.ts";
import { XDS_TYPES } from "../index.ts";
import { ask as httpAsk } from "../testing/ask.ts";
import { type Connection, exchange, freePort, httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { closingModule, tellingModule } from "../testing/user-modules.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

// Modules of users beside our filters: where they stand, what they are given, and what becomes of requests without them. One module of HTTP answers requests (`filters/fault`, taken for somebody else's), one closes connections.

const SIDECAR = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local";
const ROUTER = "router~10.0.0.2~ingress-1.default~default.svc.cluster.local";

function ready(bytes: Uint8Array): ModuleState {
  return { status: "ready", bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}
const FAULT = ready(readFileSync(filterFiles("fault").module));
const modules: Record<string, ModuleState> = {
  "file:///fault.wasm": FAULT,
  "file:///closes.wasm": ready(closingModule()),
  "file:///tells.wasm": ready(tellingModule()),
};

const object = (name: string, spec: object): string =>
  stringify({ apiVersion: "extensions.istio.io/v1alpha1", kind: "WasmPlugin", metadata: { name }, spec });
const builtin = (name: string, pluginConfig: object) => object(name, { url: `builtin://${name}`, pluginConfig });
/** Answers requests with the status. */
const answers = (name: string, status: number, spec: object = {}, header?: string) =>
  object(name, {
    url: "file:///fault.wasm",
    pluginConfig: {
      rules: [
        {
          name,
          abort: { httpStatus: status, percentage: { value: 100 } },
          ...(header === undefined ? {} : { match: { headers: { [header]: {} } } }),
        },
      ],
    },
    ...spec,
  });
const wantsKey = builtin("authentication", {
  apiKeys: [{ fromHeaders: [{ name: "x-key" }], consumers: [{ name: "c", sha256: [createHash("sha256").update("key").digest("hex")] }] }],
  required: true,
});
const denies = builtin("authorization", {
  policies: [{ name: "p", namespace: "default", action: "DENY", rules: [{ to: [{ operation: { paths: ["/secret"] } }] }] }],
});

let web: Upstream;
let sidecar: RunningProxy;
const objects = (): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: web }
spec:
  hosts: [web.test]
  addresses: [10.10.0.1]
  ports:
    - { number: 80, name: http, protocol: HTTP, targetPort: ${web.port} }
    - { number: 81, name: http-2, protocol: HTTP, targetPort: ${web.port} }
    - { number: 90, name: tcp, protocol: TCP, targetPort: ${web.port} }
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: app }
spec:
  ingress:
    - { port: { number: 9080, protocol: HTTP, name: http }, defaultEndpoint: "127.0.0.1:${web.port}" }
    - { port: { number: 9090, protocol: TCP, name: tcp }, defaultEndpoint: "127.0.0.1:${web.port}" }
  egress: [{ hosts: ["*/*"] }]
`;
const view = (plugins: readonly string[], known = modules, nodeId = SIDECAR, more: readonly string[] = [], metadata = {}) =>
  viewOfYaml([objects(), ...more, ...plugins].join("\n---\n"), { nodeId, modules: known, metadata });
const put = async (plugins: readonly string[], known = modules, metadata = {}): Promise<void> => {
  await sidecar.update({ view: view(plugins, known, SIDECAR, [], metadata) });
  expect(sidecar.refusals()).toEqual([]);
};
const ask = async (connection: Connection, path = "/", headers: readonly string[] = []): Promise<string> => {
  const answer = await exchange(connection, httpRequest("web.test", path, headers));
  return answer.startsWith("HTTP/1.1 ") ? answer.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length) : answer;
};
const inbound = (port = 9080) => sidecar.connection("inbound", `10.0.0.1:${port}`);
const outbound = (port = 80) => sidecar.connection("outbound", `10.10.0.1:${port}`);

beforeAll(async () => {
  web = await startUpstream();
  sidecar = await RunningProxy.start({ view: view([]), types: XDS_TYPES, nodeId: SIDECAR });
});
afterAll(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
});

describe("the module of a user", () => {
  test("stands where its phase says, between our filters too", async () => {
    const outcomes: Record<string, readonly string[]> = {};
    for (const phase of ["AUTHN", "AUTHZ", "STATS", "UNSPECIFIED_PHASE"]) {
      await put([wantsKey, denies, answers("mine", 418, { phase })]);
      // Without a key; with one, at what is denied; at what is allowed.
      outcomes[phase] = [
        await ask(inbound(), "/"),
        await ask(inbound(), "/secret", ["x-key: key"]),
        await ask(inbound(), "/", ["x-key: key"]),
      ];
    }
    expect(outcomes).toEqual({
      AUTHN: ["418", "418", "418"],
      AUTHZ: ["401", "418", "418"],
      STATS: ["401", "403", "418"],
      UNSPECIFIED_PHASE: ["401", "403", "418"],
    });
  });

  test("stands before others of its phase by priority, and each sees what the ones before it let by", async () => {
    await put([
      answers("low", 418, { priority: -1 }),
      answers("high", 429, { priority: 10 }, "x-high"),
      answers("middle", 503, {}, "x-middle"),
    ]);
    expect(await ask(inbound(), "/", ["x-high: 1", "x-middle: 1"])).toBe("429");
    expect(await ask(inbound(), "/", ["x-middle: 1"])).toBe("503");
    expect(await ask(inbound(), "/")).toBe("418");
  });

  test("sees the traffic that it is for", async () => {
    const by = async (match: readonly object[]) => {
      await put([answers("mine", 418, { match })]);
      return [await ask(inbound()), await ask(outbound(80)), await ask(outbound(81))];
    };
    expect(await by([{ mode: "SERVER" }])).toEqual(["418", "200", "200"]);
    expect(await by([{ mode: "CLIENT" }])).toEqual(["200", "418", "418"]);
    expect(await by([{ mode: "CLIENT", ports: [{ number: 81 }] }])).toEqual(["200", "200", "418"]);
    expect(await by([{ ports: [{ number: 9080 }, { number: 80 }] }])).toEqual(["418", "418", "200"]);
  });

  test("is no part of the proxies that are not selected", async () => {
    await put([answers("mine", 418, { selector: { matchLabels: { app: "other" } } })]);
    expect(await ask(inbound())).toBe("200");
  });

  test("comes from a file beside the proxy where one of its digest was announced", async () => {
    const path = filterFiles("fault").module;
    const sha256 = FAULT.status === "ready" ? FAULT.sha256 : "";
    await put([answers("mine", 418)], modules, { MESHWRIGHT_MODULES: { fault: { path, sha256 } } });
    expect(await ask(inbound())).toBe("418");
    const dump = await sidecar.envoy.admin.text("GET", "/config_dump?resource=ecds_filters");
    expect(dump).toContain(JSON.stringify(path));
  });

  test("is given its environment and its root id", async () => {
    const env = [
      { name: "PATH", valueFrom: "HOST" },
      { name: "MODE", value: "test" },
    ];
    const told = async (spec: object) => {
      await put([object("mine", { url: "file:///tells.wasm", ...spec })]);
      return (await httpAsk(inbound(), { host: "web.test" })).body.split("\0").toSorted();
    };
    expect(await told({ vmConfig: { env }, pluginName: "my-root" })).toEqual(["MODE=test", `PATH=${process.env["PATH"] ?? ""}`, "my-root"]);
    expect(await told({})).toEqual([""]);
    const dump = await sidecar.envoy.admin.text("GET", "/config_dump?resource=ecds_filters");
    for (const text of ['"vm_id": "default.mine"', '"FAIL_CLOSED"']) expect(dump).toContain(text);
  });

  test("stands on gateways as well", async () => {
    const port = await freePort();
    const gateway = `
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
    const plugins = [denies, answers("mine", 418, { phase: "AUTHZ" }, "x-mine")];
    await using router = await RunningProxy.start({ view: view(plugins, modules, ROUTER, [gateway]), types: XDS_TYPES, nodeId: ROUTER });
    expect(router.refusals()).toEqual([]);
    expect(await ask({ port }, "/secret", ["x-mine: 1"])).toBe("418");
    expect(await ask({ port }, "/secret")).toBe("403");
    expect(await ask({ port }, "/")).toBe("200");
  });
});

describe("without its module", () => {
  const failed = { "file:///fault.wasm": { status: "failed", reason: "it is not there" } } as const;

  test.each([
    ["FAIL_CLOSE", "403"],
    ["FAIL_RELOAD", "403"],
    ["FAIL_OPEN", "200"],
  ])("%s answers %s", async (failStrategy, status) => {
    await put([answers("mine", 418, { failStrategy, match: [{ mode: "SERVER" }] })], failed);
    expect(await ask(inbound())).toBe(status);
    expect(await ask(outbound())).toBe("200");
    await put([answers("mine", 418, { failStrategy, match: [{ mode: "SERVER" }] })]);
    expect(await ask(inbound())).toBe("418");
  });

  test("connections are closed, or go on", async () => {
    const closes = (failStrategy: string) => object("closes", { url: "file:///closes.wasm", type: "NETWORK", failStrategy });
    await put([closes("FAIL_CLOSE")], {});
    expect(await ask(inbound(9090))).toBe("reset");
    await put([closes("FAIL_OPEN")], {});
    expect(await ask(inbound(9090))).toBe("200");
  });
});

test("a module sees connections, of HTTP and of bytes, on both sides", async () => {
  const of = async (spec: object) => {
    await put([object("closes", { url: "file:///closes.wasm", type: "NETWORK", ...spec })]);
    return [await ask(inbound()), await ask(inbound(9090)), await ask(outbound()), await ask(outbound(90))];
  };
  expect(await of({})).toEqual(["200", "200", "200", "200"]);
  expect(await of({ pluginConfig: {} })).toEqual(["reset", "reset", "reset", "reset"]);
  expect(await of({ pluginConfig: {}, match: [{ mode: "SERVER", ports: [{ number: 9090 }] }] })).toEqual(["200", "reset", "200", "200"]);
  expect(await of({ pluginConfig: {}, phase: "AUTHN", match: [{ mode: "CLIENT" }] })).toEqual(["200", "200", "reset", "reset"]);
});
