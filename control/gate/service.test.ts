import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { ControlService, type ControlServiceOptions } from "../control-service.ts";
import { TypedExtensionConfigSchema } from "../envoy-api/generated/envoy/config/core/v3/extension_pb.ts";
import { WasmSchema } from "../envoy-api/generated/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts";
import { DeltaDiscoveryRequestSchema } from "../envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { typeUrl } from "../envoy-api/index.ts";
import { formatProblem } from "../model/index.ts";
import { MemorySource } from "../sources/memory/index.ts";
import { State } from "../state/index.ts";

const FILTER = "meshwright.mesh/outbound";
const ID = "sidecar~10.0.0.1~p-1.default~default.svc.cluster.local";
/** The schema takes it, the module does not: it would be a machine of a million states. */
const POISON = "(a{1,1000}){1,1000}";

const plugin = (name: string, filter: string, config: object, namespace = "default") =>
  `---\n${JSON.stringify({ apiVersion: "extensions.istio.io/v1alpha1", kind: "WasmPlugin", metadata: { name, namespace }, spec: { url: `builtin://${filter}`, pluginConfig: config } }, undefined, 1)}\n`;
const routing = (regex: string) => plugin("routes", "routing", { rules: [{ name: "r", match: [{ uri: { regex } }], route: "x" }] });
const denies = (path: string) =>
  plugin("deny", "authorization", {
    policies: [{ name: "p", namespace: "default", action: "DENY", rules: [{ to: [{ operation: { paths: [path] } }] }] }],
  });
const service = (port: number) =>
  `---\n${JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "s" }, spec: { clusterIP: "10.1.0.1", ports: [{ name: "http", port }] } })}\n`;

interface Running extends AsyncDisposable {
  readonly control: ControlService;
  readonly source: MemorySource;
  readonly log: readonly string[];
  /** What the connected proxy gets for a side. */
  configuration(name?: string): string | undefined;
  problems(): readonly string[];
}

async function run(text: string, options: Partial<ControlServiceOptions> = {}): Promise<Running> {
  const source = new MemorySource({ "a.yaml": text });
  const log: string[] = [];
  const line = (fields: object, message: string) => void log.push(`${message} ${JSON.stringify(fields)}`);
  const control = await ControlService.start({ sources: [source], log: { info: line, warn: line, error: line }, ...options });
  const stream = control.xds.open({
    variant: "delta",
    service: undefined,
    peer: "127.0.0.1:1",
    credentials: undefined,
    sink: { send: (_, __, done) => done(), end: () => undefined },
  });
  const request = create(DeltaDiscoveryRequestSchema, {
    node: { id: ID },
    typeUrl: typeUrl(TypedExtensionConfigSchema),
    resourceNamesSubscribe: [FILTER, "meshwright.mesh/inbound"],
  });
  await stream.receive(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)));
  await control.refresh();
  return {
    control,
    source,
    log,
    configuration(name = FILTER) {
      const resource = control.snapshotOf(ID)?.resources(typeUrl(TypedExtensionConfigSchema)).get(name);
      if (resource === undefined) return undefined;
      const any = fromBinary(TypedExtensionConfigSchema, resource.value).typedConfig;
      const configuration = fromBinary(WasmSchema, any?.value ?? new Uint8Array()).config?.configuration;
      return fromBinary(StringValueSchema, configuration?.value ?? new Uint8Array()).value;
    },
    problems: () => control.problems().map(formatProblem),
    async [Symbol.asyncDispose]() {
      stream.close();
      await control[Symbol.asyncDispose]();
    },
  };
}

describe("what a module refuses", () => {
  test("never leaves: what was good stays, and the object and its field are named", async () => {
    await using running = await run(routing("/good.*"));
    expect(running.configuration()).toContain("/good.*");
    running.source.apply({ "a.yaml": routing(POISON) + service(80) });
    expect(running.configuration()).toContain("/good.*");
    await running.control.refresh();
    expect(running.configuration()).toContain("/good.*");
    expect(running.problems()).toEqual([
      expect.stringMatching(
        /^a\.yaml:\d+:\d+: error MW0015 spec\.pluginConfig\.rules\[0\]\.match\[0\]\.uri\.regex: .*invalid repeat count/,
      ),
    ]);
    expect(running.log.join("\n")).toContain("the module of the filter refuses it");
    expect(running.control.mesh.services()).toHaveLength(1);
    running.source.apply({ "a.yaml": routing("/better.*") });
    await running.control.refresh();
    expect(running.configuration()).toContain("/better.*");
    expect(running.problems()).toEqual([]);
  });

  test("does not count where it is new, and others go on", async () => {
    await using running = await run(service(80));
    running.source.apply({ "a.yaml": service(80), "b.yaml": routing(POISON), "c.yaml": plugin("f", "fault", { rules: [] }) });
    await running.control.refresh();
    expect(running.configuration()).toContain("fault");
    expect(running.configuration()).not.toContain("routing");
    expect(running.problems()).toHaveLength(1);
  });

  test("is found out at the start too, before any proxy gets it, and where no proxy does", async () => {
    await using running = await run(routing(POISON) + denies("/x"));
    expect(running.configuration()).toBeUndefined();
    expect(running.configuration("meshwright.mesh/inbound")).toContain("/x");
    running.source.apply({
      "b.yaml": plugin("elsewhere", "routing", { rules: [{ name: "r", match: [{ uri: { regex: POISON } }], route: "x" }] }, "other"),
    });
    await running.control.refresh();
    expect(running.problems()).toHaveLength(2);
  });

  test("is not kept for a restart: what was good before is", async () => {
    const folder = await mkdtemp(join(tmpdir(), "meshwright-proof-"));
    {
      await using running = await run(routing("/good.*"), { state: new State(folder, { warn: () => undefined }) });
      running.source.apply({ "a.yaml": routing(POISON) });
      await running.control.refresh();
    }
    const kept = await readFile(join(folder, "objects.json"), "utf8");
    await rm(folder, { recursive: true });
    expect(kept).toContain("/good");
    expect(kept).not.toContain("1000");
  });

  test("is counted", async () => {
    await using running = await run(routing(POISON));
    await sleep(0);
    const metrics = await running.control.metrics.scrape();
    expect(metrics).toMatch(/meshwright_proofs\S*result="refused"\S* [1-9]/);
    expect(metrics).toContain("meshwright_proof_time_count");
  });
});

test("a change that touches no filter waits for none", async () => {
  await using running = await run(service(80));
  running.source.apply({ "a.yaml": service(80) + plugin("slow", "routing", { rules: [] }) });
  running.source.apply({ "a.yaml": service(81) + plugin("slow", "routing", { rules: [] }) });
  expect(running.control.mesh.services()[0]?.ports[0]?.number).toBe(81);
  expect(await running.control.metrics.scrape()).not.toMatch(/meshwright_proofs\S*{/);
});
