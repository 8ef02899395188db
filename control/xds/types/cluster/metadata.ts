import { create, type JsonObject } from "@bufbuild/protobuf";
import { type Metadata, MetadataSchema } from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import type { MeshObject, Service } from "../../../model/index.ts";

export interface ClusterFacts {
  readonly services: readonly Service[];
  /** Of the service; of an inbound cluster none. */
  readonly port?: number;
  readonly subset?: string | undefined;
  /** The DestinationRule that had a part in it. */
  readonly rule?: MeshObject | undefined;
  /** Settings of our filters, by namespace. */
  readonly filters?: Readonly<Record<string, JsonObject>>;
}

/** What telemetry and people want to know of a cluster, under `istio` as Istio has it. */
export function metadataOf({ services, port, subset, rule, filters = {} }: ClusterFacts): Metadata {
  const external = services.some(({ location }) => location === "external");
  const istio: JsonObject = {
    ...(rule === undefined ? {} : { config: pathOf(rule) }),
    ...(port === undefined ? {} : { default_original_port: port }),
    ...(external && port !== undefined ? { external: true } : {}),
    services: services.map(({ host, name, namespace }) => ({ host, name, namespace })),
    ...(subset === undefined ? {} : { subset }),
  };
  return create(MetadataSchema, { filterMetadata: { istio, ...filters } });
}

/** `/apis/networking.istio.io/v1/namespaces/default/destination-rule/reviews` (Istio's `AddConfigInfoMetadata`). */
function pathOf({ kind, metadata: { name, namespace } }: MeshObject): string {
  const kebab = kind.replace(/(?<=.)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
  return `/apis/networking.istio.io/v1/namespaces/${namespace}/${kebab}/${name}`;
}
