import { describe, expect, test } from "vitest";
import type { MeshObject, Service } from "../model/index.ts";
import { contributed, endpoint, service } from "./testing/contributions.ts";
import { meshOf, viewOf } from "./testing/view.ts";

const HOST = "api.example.com";
const port = (number: number, name = "http") => ({ name, number, protocol: "http" as const, targetPort: number });

/** A ServiceEntry for the host; the older the smaller `created`. */
const entry = (name: string, created: number, more: Partial<Service>) =>
  contributed(name, (object) => ({ services: [service({ ...object, kind: "ServiceEntry" }, HOST, more)] }), { created });

const seen = (...objects: readonly MeshObject[]) => {
  const view = viewOf(meshOf(...objects));
  return {
    ports: view.service(HOST)?.ports.map(({ number, name }) => [number, name]),
    endpoints: view.endpoints(HOST).map(({ address, ports }) => [address, ports]),
  };
};

describe("ServiceEntries of one host", () => {
  test("have the ports of all, each with its own endpoints, whatever the ports are called", () => {
    const mesh = seen(
      entry("a", 1, { ports: [port(80)], endpoints: [endpoint("192.0.2.1", { ports: { http: 80 } })] }),
      entry("b", 2, { ports: [port(8080)], endpoints: [endpoint("192.0.2.2", { ports: { http: 18080 } })] }),
      entry("c", 3, { ports: [port(443, "tls")], endpoints: [endpoint("192.0.2.1", { ports: { tls: 8443 } })] }),
    );
    expect(mesh.ports).toEqual([
      [80, "http"],
      [8080, "http-8080"],
      [443, "tls"],
    ]);
    expect(mesh.endpoints).toEqual([
      ["192.0.2.1", { http: 80 }],
      ["192.0.2.1", { tls: 8443 }],
      ["192.0.2.2", { "http-8080": 18080 }],
    ]);
  });

  test("have the endpoints of both where both have a port, each once", () => {
    const mesh = seen(
      entry("a", 1, { ports: [port(80)], endpoints: [endpoint("192.0.2.1", { ports: { http: 80 } })] }),
      entry("b", 2, {
        ports: [port(80, "web")],
        endpoints: [endpoint("192.0.2.1", { ports: { web: 80 } }), endpoint("192.0.2.2", { ports: { web: 80 } })],
      }),
    );
    expect(mesh).toEqual({
      ports: [[80, "http"]],
      endpoints: [
        ["192.0.2.1", { http: 80 }],
        ["192.0.2.2", { http: 80 }],
      ],
    });
  });

  test("that name one address to be asked for keep to the first", () => {
    const one = { resolution: "dns-round-robin" as const, ports: [port(80)] };
    const mesh = seen(
      entry("a", 1, { ...one, endpoints: [endpoint("a.example.com", { ports: { http: 80 } })] }),
      entry("b", 2, { ...one, endpoints: [endpoint("b.example.com", { ports: { http: 80 } })] }),
    );
    expect(mesh.endpoints).toEqual([["a.example.com", { http: 80 }]]);
  });

  test("that are found in different ways are not put together: the older counts", () => {
    const mesh = seen(
      entry("a", 1, { ports: [port(80)], resolution: "dns" }),
      entry("b", 2, { ports: [port(8080)], resolution: "static" }),
    );
    expect(mesh.ports).toEqual([[80, "http"]]);
  });

  test("are the same service as long as none of them is another", () => {
    const mesh = meshOf(entry("a", 1, { ports: [port(80)] }), entry("b", 2, { ports: [port(8080)] }));
    expect(viewOf(mesh).service(HOST)).toBe(viewOf(mesh).service(HOST));
    const { mesh: changed } = mesh.apply({ upserted: [entry("b", 2, { ports: [port(9090)] })], removed: [] });
    expect(
      viewOf(changed)
        .service(HOST)
        ?.ports.map(({ number }) => number),
    ).toEqual([80, 9090]);
  });
});
