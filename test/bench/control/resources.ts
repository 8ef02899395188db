import { createHash } from "node:crypto";
import type { Resource, ResourceTypeRules, ResourceView, Snapshot } from "../../../control/xds/server/index.ts";

const PREFIX = "type.googleapis.com/envoy.config.";
export const CLUSTER = `${PREFIX}cluster.v3.Cluster`;
export const ENDPOINT = `${PREFIX}endpoint.v3.ClusterLoadAssignment`;
export const LISTENER = `${PREFIX}listener.v3.Listener`;
export const SCOPE = `${PREFIX}route.v3.ScopedRouteConfiguration`;
export const ROUTE = `${PREFIX}route.v3.RouteConfiguration`;

export const RULES: readonly ResourceTypeRules[] = [
  { typeUrl: CLUSTER, order: 10, complete: true, wildcard: true },
  { typeUrl: ENDPOINT, order: 20, complete: false, wildcard: false },
  { typeUrl: LISTENER, order: 30, complete: true, wildcard: true, waitsFor: [CLUSTER] },
  { typeUrl: SCOPE, order: 40, complete: true, wildcard: true, waitsFor: [CLUSTER] },
  { typeUrl: ROUTE, order: 50, complete: false, wildcard: false, waitsFor: [CLUSTER] },
];

/** Bytes of one resource, about what a service of a small mesh takes. */
const SIZES: Readonly<Record<string, number>> = { [CLUSTER]: 260, [ENDPOINT]: 130, [SCOPE]: 60, [ROUTE]: 580, [LISTENER]: 6000 };

export function serviceName(index: number): string {
  return `service-${index}.default.svc.cluster.local`;
}

/** The name of a service's resource of a type. */
export function resourceName(typeUrl: string, index: number): string {
  if (typeUrl === LISTENER) return `listener-${index}`;
  return typeUrl === SCOPE || typeUrl === ROUTE ? serviceName(index) : `outbound|80||${serviceName(index)}`;
}

/** What a proxy gets of a mesh of so many services. The bytes are no messages of Envoy: the clients of this benchmark do not read them. */
export class BenchSnapshot implements Snapshot {
  readonly version: string;
  private readonly types: Readonly<Record<string, BenchView>>;

  private constructor(version: string, types: Readonly<Record<string, BenchView>>) {
    this.version = version;
    this.types = types;
  }

  static of(services: number): BenchSnapshot {
    const types = RULES.map(({ typeUrl }): [string, BenchView] => {
      const count = typeUrl === LISTENER ? 3 : services;
      const resources = Array.from({ length: count }, (_, index) => resource(typeUrl, index, 0));
      return [typeUrl, new BenchView(new Map(resources.map((one) => [one.name, one])))];
    });
    return new BenchSnapshot("1", Object.fromEntries(types));
  }

  resources(typeUrl: string): BenchView {
    return this.types[typeUrl] ?? EMPTY;
  }

  /** With another content of one resource. */
  change(typeUrl: string, index: number, generation: number): BenchSnapshot {
    return new BenchSnapshot(String(generation), {
      ...this.types,
      [typeUrl]: this.resources(typeUrl).with(resource(typeUrl, index, generation)),
    });
  }
}

class BenchView implements ResourceView {
  private readonly byName: ReadonlyMap<string, Resource>;

  constructor(byName: ReadonlyMap<string, Resource>) {
    this.byName = byName;
  }

  get(name: string): Resource | undefined {
    return this.byName.get(name);
  }

  names(): Iterable<string> {
    return this.byName.keys();
  }

  with(changed: Resource): BenchView {
    return new BenchView(new Map(this.byName).set(changed.name, changed));
  }
}

const EMPTY = new BenchView(new Map());

function resource(typeUrl: string, index: number, generation: number): Resource {
  const name = resourceName(typeUrl, index);
  const value = Buffer.alloc(SIZES[typeUrl] ?? 0, `${name}@${generation};`);
  return { name, version: createHash("sha256").update(value).digest("hex").slice(0, 16), value };
}
