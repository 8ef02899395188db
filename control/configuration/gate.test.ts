import { create, fromBinary } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { typeUrl } from "../envoy-api/index.ts";
import { Mesh } from "../mesh/index.ts";
import { contributed, CONTRIBUTED, service, SETTINGS, sidecar } from "../mesh/testing/contributions.ts";
import { type MeshObject, type Proxy, readProxy } from "../model/index.ts";
import type { XdsType } from "../xds/types/xds-type.ts";
import { Configurations } from "./configurations.ts";
import type { Gate } from "./resource-set.ts";

const URL = typeUrl(StringValueSchema);
const HOST = "x.default.svc.cluster.local";

/** A type whose one resource is each proxy's own, or all proxies', and says which port the service has. */
function ported(own: boolean): XdsType<typeof StringValueSchema> {
  const text = (value: string) => create(StringValueSchema, { value });
  return {
    name: "ported",
    schema: StringValueSchema,
    rules: { order: 1, complete: false, wildcard: false },
    units: (view) => view.hosts(),
    translate(view, unit) {
      const port = String(view.service(unit)?.ports[0]?.number);
      const name = own ? view.proxy().id : "all";
      return [{ name: "r", message: text(`${port} ${name}`), proofs: [], closed: () => text("closed") }];
    },
  };
}

function object(port: number): MeshObject {
  const ports = [{ name: "http", number: port, protocol: "http" as const, targetPort: port }];
  return contributed("x", (each) => ({ services: [service(each, HOST, { ports })] }));
}

/** Makes proxies be told apart by a label. */
const byLabel = contributed("by-label", (each) => ({ sidecars: [sidecar(each, [["*", "*"]], { workloadSelector: { app: "r" } })] }));

function proxy(name = "p"): Proxy {
  const read = readProxy({ id: `sidecar~10.0.0.1~${name}.default~default.svc.cluster.local`, metadata: { LABELS: { app: name } } });
  if (typeof read === "string") throw new Error(read);
  return read;
}

describe.each([
  ["of a proxy's own", true],
  ["of all", false],
])("a resource %s", (_, own) => {
  const judgements: Record<string, ReturnType<Gate>> = {};
  const judge: Gate = (_type, { message }) => judgements[(message as unknown as { value: string }).value.split(" ")[0] ?? ""] ?? "good";
  const start = (port: number) => {
    const { mesh } = Mesh.empty([CONTRIBUTED], SETTINGS).apply({ upserted: [object(port)], removed: [] });
    return new Configurations([ported(own)] as readonly XdsType[], mesh, judge);
  };
  const textOf = (configurations: Configurations, id: string) => {
    const resource = configurations.snapshotOf(id)?.resources(URL).get("r");
    return resource === undefined ? undefined : fromBinary(StringValueSchema, resource.value).value.split(" ")[0];
  };
  const isComing = (configurations: Configurations, id: string) => configurations.snapshotOf(id)?.resources(URL).isComing?.("r") ?? false;

  test("waits until it is known whether it may be sent, and is announced then", () => {
    judgements["80"] = "pending";
    const configurations = start(80);
    const { id } = proxy();
    configurations.add(proxy());
    expect([textOf(configurations, id), isComing(configurations, id), configurations.isPending(id)]).toEqual([undefined, true, true]);
    expect(configurations.settle().changed).toEqual([]);
    judgements["80"] = "good";
    expect(configurations.settle().changed.map(({ changes }) => changes)).toEqual([[{ typeUrl: URL, names: ["r"] }]]);
    expect([textOf(configurations, id), isComing(configurations, id), configurations.isPending(id)]).toEqual(["80", false, false]);
    expect(configurations.settle().changed).toEqual([]);
  });

  test("stays as it was while another is found out about, and where that is refused", () => {
    judgements["80"] = "good";
    judgements["81"] = "pending";
    const configurations = start(80);
    const { id } = proxy();
    configurations.add(proxy());
    expect(configurations.apply({ upserted: [object(81)], removed: [] }).changed).toEqual([]);
    expect([textOf(configurations, id), isComing(configurations, id)]).toEqual(["80", false]);
    judgements["81"] = "refused";
    expect(configurations.settle().changed).toEqual([]);
    expect([textOf(configurations, id), configurations.isPending(id)]).toEqual(["80", false]);
    configurations.apply({ upserted: [object(82)], removed: [] });
    expect(textOf(configurations, id)).toBe("82");
  });

  test("that is refused is closed where there was none before", () => {
    judgements["81"] = "refused";
    const configurations = start(81);
    const { id } = proxy();
    configurations.add(proxy());
    expect(textOf(configurations, id)).toBe("closed");
  });

  test("stays as it was where proxies are grouped anew by the change that is refused", () => {
    judgements["80"] = "good";
    judgements["81"] = "refused";
    const configurations = start(80);
    const { id } = proxy();
    configurations.add(proxy());
    configurations.add(proxy("q"));
    configurations.apply({ upserted: [object(81), byLabel], removed: [] });
    expect(textOf(configurations, id)).toBe("80");
  });
});
