import { stringify } from "yaml";
import { XDS_TYPES } from "../../index.ts";
import { RunningProxy } from "../../testing/running-proxy.ts";
import { viewOfYaml, type YamlProxy } from "../../testing/yaml-view.ts";

/** An Envoy whose MeshConfig changes while it runs. */
export class TunedProxy implements AsyncDisposable {
  readonly proxy: RunningProxy;
  private readonly yaml: string;
  private readonly node: YamlProxy;

  private constructor(proxy: RunningProxy, yaml: string, node: YamlProxy) {
    this.proxy = proxy;
    this.yaml = yaml;
    this.node = node;
  }

  /** @param yaml what else there is in the mesh */
  static async start(yaml: string, node: YamlProxy = {}): Promise<TunedProxy> {
    const { nodeId } = node;
    const options = { view: viewOfYaml(yaml, node), types: XDS_TYPES, ...(nodeId === undefined ? {} : { nodeId }) };
    return new TunedProxy(await RunningProxy.start(options), yaml, node);
  }

  /**
   * Has the proxy follow a MeshConfig, and waits until its listeners do. Throws what it refuses.
   *
   * @param metadata of the node, in the place of what it began with
   */
  async tune(meshConfig: object, more = "", metadata = this.node.metadata ?? {}): Promise<void> {
    const document = { apiVersion: "v1", kind: "MeshConfig", metadata: { name: "istio" }, ...meshConfig };
    await this.proxy.update({ view: viewOfYaml(`${this.yaml}\n---\n${stringify(document)}${more}`, { ...this.node, metadata }) });
    const refusals = this.proxy.refusals();
    if (refusals.length > 0) throw new Error(refusals.join("\n"));
    for (const end = performance.now() + 15_000; performance.now() < end; await new Promise((resolve) => setTimeout(resolve, 5))) {
      const { values } = await this.proxy.envoy.admin.stats("^listener_manager.total_listeners_warming$");
      if (Object.values(values).every((count) => count === 0)) return;
    }
    throw new Error("listeners are still warming");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
  }
}
