import {
  XdsServer,
  type Observer,
  type ProxyGroup,
  type Resource,
  type ResourceReference,
  type StreamLimits,
  type Variant,
} from "../index.ts";
import { TestClient } from "./client.ts";
import { TestClock } from "./clock.ts";
import { MapSnapshot, textResource, TYPES, type OnDemand } from "./snapshot.ts";

/** `{a: "1"}` becomes a resource `a` whose text is `a=1`. */
export type Texts = Readonly<Record<string, string>>;

export function resourcesOf(texts: Texts, companions?: (name: string) => readonly ResourceReference[]): Resource[] {
  return Object.entries(texts).map(([name, text]) => textResource(name, `${name}=${text}`, companions?.(name)));
}

/** A server with one group, a clock that stands still, and clients without a network. */
export class TestMesh {
  readonly clock = new TestClock();
  readonly server: XdsServer;
  readonly group: ProxyGroup;
  private snapshot: MapSnapshot;
  private generation = 1;

  constructor(byType: Readonly<Record<string, Texts>> = {}, options: MeshOptions = {}) {
    this.snapshot = new MapSnapshot("v1", toResources(byType), options.onDemand, options.isComing);
    this.server = new XdsServer({
      types: TYPES,
      onConnect: () => ({ id: "test-proxy", group: this.group }),
      clock: this.clock,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(options.observer === undefined ? {} : { observer: options.observer }),
      ...(options.budget === undefined ? {} : { budget: options.budget }),
    });
    this.group = this.server.group(this.snapshot);
  }

  connect(variant: Variant, service?: string): TestClient {
    return new TestClient(this.server, this.clock, variant, service);
  }

  /** Replaces the resources of some types. */
  push(byType: Readonly<Record<string, Texts>>): void {
    this.pushResources(toResources(byType));
  }

  pushResources(byType: Readonly<Record<string, readonly Resource[]>>): void {
    const { snapshot, changes } = this.snapshot.with(`v${++this.generation}`, byType);
    this.snapshot = snapshot;
    this.group.push(snapshot, changes);
    this.clock.run();
  }
}

export interface MeshOptions {
  readonly onDemand?: OnDemand;
  /** Names that there will be soon. Default: none. */
  readonly isComing?: (name: string) => boolean;
  readonly limits?: Partial<StreamLimits>;
  readonly observer?: Observer;
  readonly budget?: number;
}

function toResources(byType: Readonly<Record<string, Texts>>): Record<string, readonly Resource[]> {
  return Object.fromEntries(Object.entries(byType).map(([typeUrl, texts]) => [typeUrl, resourcesOf(texts)]));
}
