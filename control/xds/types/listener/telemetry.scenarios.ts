import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wrongExpression } from "../../../kinds/telemetry/cel/index.ts";
import type { PolicyKind } from "../../../model/index.ts";
import { MeasuredSidecar, type Level } from "./testing/measured-sidecar.ts";

// Telemetry: who gets logs and traces of which requests, seen in one Envoy, on both sides of a sidecar. `selector` of a level is its `matchLabels`.

let sidecar: MeasuredSidecar;
let folder: string;
let count = 0;
let logs = { first: "", second: "" };

/** Providers of two tracers and two logs, which are new files each time. */
function settings(more: object = {}): object {
  count += 1;
  logs = { first: join(folder, `first-${count}`), second: join(folder, `second-${count}`) };
  const zipkin = (name: string, path: string) => ({ name, zipkin: { service: "collector.test", port: 80, path } });
  const log = (name: string, file: string) => ({
    name,
    envoyFileAccessLog: { path: file, logFormat: { text: "%REQ(:PATH)% %RESPONSE_CODE%" } },
  });
  return {
    extensionProviders: [
      zipkin("zipkin", "/spans"),
      zipkin("other-zipkin", "/other-spans"),
      log("first", logs.first),
      log("second", logs.second),
    ],
    defaultConfig: { tracing: { sampling: 100, customTags: { mesh: { literal: { value: "wide" } } } } },
    ...more,
  };
}

const tune = (levels: readonly Level[], mesh: object = {}) => sidecar.tune(levels, settings(mesh));
const server = (path: string) => sidecar.server(path);
const client = (path: string) => sidecar.client(path, ["x-agent: tester"]);
const seen = (name: string) => sidecar.seen(name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "telemetry-"));
  sidecar = await MeasuredSidecar.start();
});
afterAll(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** The lines of a log, sorted, when there are so many. */
async function lines(file: string, wanted: readonly string[]): Promise<void> {
  const read = async () => {
    await sidecar.proxy.envoy.admin.text("POST", "/reopen_logs");
    return (await readFile(file, "utf8").catch(() => ""))
      .split("\n")
      .filter((line) => line !== "")
      .toSorted();
  };
  await expect.poll(read, { timeout: 15_000 }).toEqual(wanted.toSorted());
}

/** One request each way, good and bad; then those are waited for that a log has. */
async function requests(): Promise<void> {
  await client("/client");
  await client("/missing-client");
  await server("/server");
  await server("/missing-server");
}

describe("access logs", () => {
  const to = (...names: string[]) => ({ providers: names.map((name) => ({ name })) });
  const all = ["/client 200", "/missing-client 404", "/missing-server 404", "/server 200"];

  test.each<[string, readonly Level[], object, readonly string[], readonly string[]]>([
    ["of a provider, by its name in any case", [{ accessLogging: [to("FIRST")] }], {}, all, []],
    ["of two", [{ accessLogging: [to("first", "second")] }], {}, all, all],
    ["of one side", [{ accessLogging: [{ ...to("first"), match: { mode: "CLIENT" } }] }], {}, all.slice(0, 2), []],
    [
      "each side to its own, of what a filter takes",
      [
        {
          accessLogging: [
            { ...to("first"), match: { mode: "CLIENT" }, filter: { expression: "response.code >= 400" } },
            { ...to("second"), match: { mode: "SERVER" }, filter: { expression: "request.path.startsWith('/s')" } },
          ],
        },
      ],
      {},
      ["/missing-client 404"],
      ["/server 200"],
    ],
    [
      "of the defaults, where a level says nothing of them",
      [{ tracing: [{ randomSamplingPercentage: 0 }] }],
      { defaultProviders: { accessLogging: ["first"] } },
      all,
      [],
    ],
    [
      "of the defaults, with a filter of its own",
      [{ accessLogging: [{ filter: { expression: "response.code == 404" } }] }],
      { defaultProviders: { accessLogging: ["first"] } },
      all.slice(1, 3),
      [],
    ],
    [
      "of none where a namespace turns them off",
      [{ accessLogging: [{ disabled: true }] }],
      { defaultProviders: { accessLogging: ["first"] } },
      [],
      [],
    ],
    [
      "of the namespace's provider in the place of the mesh's",
      [{ namespace: "istio-system", accessLogging: [to("first")] }, { accessLogging: [to("second")] }],
      {},
      [],
      all,
    ],
    [
      "of the workload again, which the namespace turned off",
      [
        { namespace: "istio-system", accessLogging: [to("first")] },
        { accessLogging: [{ disabled: true }] },
        { selector: { app: "app" }, accessLogging: [{ disabled: false, match: { mode: "SERVER" } }] },
      ],
      {},
      all.slice(2),
      [],
    ],
    ["of no workload that is not selected", [{ selector: { app: "other" }, accessLogging: [to("first")] }], {}, [], []],
    ["not of another namespace", [{ namespace: "other", accessLogging: [to("first")] }], {}, [], []],
    [
      "not by a selector of the root namespace",
      [{ namespace: "istio-system", selector: { app: "app" }, accessLogging: [to("first")] }],
      {},
      [],
      [],
    ],
  ])("%s", async (_, levels, mesh, first, second) => {
    await tune(levels, mesh);
    await requests();
    await lines(logs.first, first);
    await lines(logs.second, second);
  });

  test("conditions that the check takes are taken by Envoy, and those that it refuses are not", async () => {
    const conditions = [
      "response.code >= 400 && response.code < 500",
      "has(request.headers) && request.headers['x-tier'] == 'gold'",
      "'x-tier' in request.headers",
      "request.path.matches('^/a.*$') || request.path.endsWith('z')",
      "size(request.path) > 3",
      "request.method in ['GET', 'HEAD']",
      "request.time.getHours('UTC') < 8 && request.duration > duration('1s')",
      "response.code / 2 * 3 % 5 == -1 ? true : false",
      "int('5') == 5 && double('1.5') > 1.0 && uint(5) == 5u",
      "timestamp('2024-01-01T00:00:00Z') < request.time",
      "type(request.path) == type('a') && dyn(1) == 1",
      "bytes('a') == b'a'",
      "connection.mtls == true || source.address == '' || upstream.address != ''",
      "metadata.filter_metadata['a']['b'] == 'c' && filter_state['a'] == 'b'",
      "xds.cluster_name == 'a' && destination.port == 80",
      "{'a': 1}['a'] == 1",
      "string(response.code) == '200'",
      "[1].exists(x, x == 1)",
      "request.path.lowerAscii() == 'a'",
      "response.code ==",
      "request.path == '/a",
      `${"(".repeat(20)}true${")".repeat(20)}`,
    ];
    const taken: string[] = [];
    for (const expression of conditions) {
      const levels = [{ accessLogging: [{ ...to("first"), filter: { expression: "true" } }] }];
      const good = sidecar.view(levels, settings());
      const changed = good
        .policies("Telemetry")
        .map((each) => ({ ...each, accessLogging: each.accessLogging.map((rule) => ({ ...rule, filter: expression })) }));
      // Past the check of the kind.
      const policies = (kind: PolicyKind) => (kind === "Telemetry" ? changed : good.policies(kind));
      await sidecar.proxy.update({ view: Object.assign(Object.create(good) as typeof good, { policies }) });
      if (sidecar.proxy.refusals().length === 0) taken.push(expression);
    }
    expect(taken).toEqual(conditions.filter((expression) => wrongExpression(expression) === undefined));
  });
});

describe("traces", () => {
  const zipkin = { providers: [{ name: "zipkin" }] };
  const spans = async (path: string, contents: readonly string[]): Promise<string> => {
    // The tracer sends after so many spans.
    for (let index = 0; index < 6; index++) await client("/traced");
    for (const content of contents) await expect.poll(() => sidecar.collector.received.get(path), { timeout: 20_000 }).toContain(content);
    return sidecar.collector.received.get(path) ?? "";
  };

  test("go to the provider of the narrowest level, with its tags in the place of all others", async () => {
    const path = "/other-spans";
    await tune([
      { namespace: "istio-system", tracing: [{ ...zipkin, customTags: { mesh: { literal: { value: "root" } } } }] },
      {
        tracing: [
          {
            providers: [{ name: "other-zipkin" }],
            enableIstioTags: true,
            customTags: {
              own: { literal: { value: "of-the-namespace" } },
              unset: { environment: { name: "MESHWRIGHT_NOT_THERE", defaultValue: "nothing" } },
              set: { environment: { name: "PATH", defaultValue: "nothing" } },
              agent: { header: { name: "x-agent", defaultValue: "nobody" } },
              nobody: { header: { name: "user-agent", defaultValue: "nobody" } },
              formatted: { formatter: { value: "%REQ(:METHOD)%-%PROTOCOL%" } },
            },
          },
        ],
      },
    ]);
    const tags = ['"own":"of-the-namespace"', '"unset":"nothing"', '"agent":"tester"', '"nobody":"nobody"'];
    tags.push(`"set":${JSON.stringify(process.env["PATH"])}`);
    if (!sidecar.isOlderThan(37)) tags.push('"formatted":"GET-HTTP/1.1"');
    const istio = [
      '"istio.canonical_service":"shop"',
      '"istio.canonical_revision":"latest"',
      '"istio.namespace":"default"',
      '"istio.mesh_id":"my-mesh"',
    ];
    expect(await spans(path, [...tags, ...istio])).not.toContain('"mesh":');
    expect(sidecar.collector.received.get("/spans") ?? "").not.toContain("/traced");
  });

  test("have the proxy's tags where no level has any", async () => {
    await tune([{ tracing: [zipkin] }]);
    await spans("/spans", ['"mesh":"wide"']);
  });

  test("are of as many requests as the level says, on the side that it says", async () => {
    await tune([{ tracing: [{ ...zipkin, randomSamplingPercentage: 0, match: { mode: "CLIENT" } }] }], {
      defaultProviders: { tracing: ["zipkin"] },
    });
    await client("/sampled");
    expect(seen("x-b3-sampled")).toBe("0");
    await server("/sampled");
    expect(seen("x-b3-sampled")).toBe("1");
  });

  test("are none where a level disables them, or names a provider that is not there", async () => {
    for (const rule of [{ ...zipkin, disableSpanReporting: true }, { providers: [{ name: "nobody" }] }]) {
      await tune([{ namespace: "istio-system", tracing: [zipkin] }, { tracing: [rule] }]);
      await client("/none");
      expect(seen("x-b3-traceid")).toBeUndefined();
    }
  });

  test("hold whatever enableTracing is, which is for the defaults", async () => {
    await tune([{ tracing: [zipkin] }], { enableTracing: false });
    await client("/traced");
    expect(seen("x-b3-traceid")).toBeDefined();
  });

  test("pass on no headers where that is said", async () => {
    await tune([{ tracing: [{ ...zipkin, disableContextPropagation: true }] }]);
    await client("/not-passed-on");
    // Older ones do not know the field.
    expect(seen("x-b3-traceid") === undefined).toBe(!sidecar.isOlderThan(38));
  });

  test("stand in the request's id, or do not", async () => {
    const marks = async (useRequestIdForTraceSampling: boolean) => {
      await tune([{ tracing: [{ ...zipkin, useRequestIdForTraceSampling }] }]);
      const found = new Set<string | undefined>();
      for (let index = 0; index < 4; index++) {
        await client("/marked");
        found.add(seen("x-request-id")?.charAt(14));
      }
      return [...found];
    };
    // 4: not traced, as it is in a random id; 9: traced at random (Envoy's UUIDRequestIDExtension).
    expect(await marks(true)).toEqual(["9"]);
    expect(await marks(false)).toEqual(["4"]);
  });
});
