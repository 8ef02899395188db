import { startUpstream, type Script, type Upstream } from "../../../../harness/upstreams/index.ts";
import type { Endpoint, HostName, ProxyView, Service, TrafficRules } from "../../../model/index.ts";
import { rulesOf } from "./rules.ts";
import { endpointOf, serviceOf, viewOf, type ViewContent } from "./view.ts";

/** The service behind which the hosts stand: port 80, of the name `port-80`. */
export const HOST: HostName = "reviews.default.svc.cluster.local";

/** Several upstreams behind one service. */
export class Hosts implements AsyncDisposable {
  readonly all: readonly Upstream[];

  private constructor(all: readonly Upstream[]) {
    this.all = all;
  }

  /** @param script by the number of the host. Default: a body that is that number */
  static async start(count: number, script: (index: number) => Script = (index) => () => ({ body: String(index) })): Promise<Hosts> {
    return new Hosts(await Promise.all(Array.from({ length: count }, (_, index) => startUpstream({ script: script(index) }))));
  }

  endpoints(more: (index: number) => Partial<Endpoint> = () => ({})): readonly Endpoint[] {
    return this.all.map(({ port }, index) => endpointOf("127.0.0.1", { "port-80": port }, more(index)));
  }

  /** A view of the service with a DestinationRule of this spec but for the host. */
  view(
    rule: object | undefined,
    more: ViewContent & { readonly service?: Partial<Service>; readonly endpoint?: (index: number) => Partial<Endpoint> } = {},
  ): ProxyView {
    const { service, endpoint, ...content } = more;
    const trafficRules: Record<HostName, TrafficRules> = rule === undefined ? {} : { [HOST]: rulesOf({ host: HOST, ...rule }) };
    return viewOf({
      services: [serviceOf("reviews", { 80: "http" }, service)],
      endpoints: { [HOST]: this.endpoints(endpoint) },
      trafficRules,
      ...content,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((upstream) => upstream[Symbol.asyncDispose]()));
  }
}
