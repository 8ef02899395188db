import { KINDS } from "../../../control/kinds/index.ts";
import { defaultMeshSettings } from "../../../control/kinds/mesh-config/index.ts";
import { Mesh } from "../../../control/mesh/index.ts";
import { type FieldPath, formatPath, type Kind, type MeshObject, objectKey, type Routing } from "../../../control/model/index.ts";

/** A route of a VirtualService: the object, and where in it the route stands. */
export interface RouteOrigin {
  readonly object: MeshObject;
  readonly path: FieldPath;
}

/** A mesh whose routes say of themselves where they come from. */
export interface TaggedMesh {
  readonly mesh: Mesh;
  /** The origin of a route, by what it says to Envoy: its metadata `istio.config`, or the prefix of its statistics. Undefined for what comes from no object. */
  readonly originOf: (said: string) => RouteOrigin | undefined;
}

/**
 * The same mesh, but that the object of each route is called as its route: `reviews spec.http[3]`. By the names of objects nothing is decided here: they stand in metadata and prefixes of statistics, so Envoy tells by them which route it took,
 * and routes are what the proxy would get.
 */
export function withTaggedRoutes(mesh: Mesh): TaggedMesh {
  const kinds = KINDS.map((kind) => (kind.kind === "VirtualService" ? tagged(kind) : kind));
  const { mesh: again } = Mesh.empty(kinds, defaultMeshSettings).apply({ upserted: mesh.allObjects(), removed: [] });
  const { mesh: whole } = again.applyModules(mesh.index.modules).mesh.applyIssuers(mesh.index.issuers);
  return { mesh: whole, originOf: (said) => originOf(mesh, said) };
}

function tagged(kind: Kind): Kind {
  return {
    ...kind,
    contribute: (object, settings) => {
      const contribution = kind.contribute(object, settings);
      return { ...contribution, routings: (contribution.routings ?? []).map(taggedRouting) };
    },
  };
}

function taggedRouting({ http, tls, tcp, ...routing }: Routing): Routing {
  const tag = <Route extends RouteOrigin>(route: Route): Route => ({ ...route, object: calledAs(route) });
  return { ...routing, http: http.map(tag), tls: tls.map(tag), tcp: tcp.map(tag) };
}

function calledAs({ object, path }: RouteOrigin): MeshObject {
  return { ...object, metadata: { ...object.metadata, name: `${object.metadata.name} ${formatPath(path)}` } };
}

const TAG = String.raw`(?<name>[^/ ]+) spec\.(?<layer>http|tls|tcp)\[(?<index>\d+)\]`;
/** Of routes of HTTP (`route/routes.ts`), and of connections (`listener/tcp-proxy.ts`). */
const PLACES = [new RegExp(`/namespaces/(?<namespace>[^/]+)/virtual-service/${TAG}$`), new RegExp(`^${TAG}\\.(?<namespace>.+)$`)];

function originOf(mesh: Mesh, said: string): RouteOrigin | undefined {
  for (const pattern of PLACES) {
    const { name, namespace, layer, index } = pattern.exec(said)?.groups ?? {};
    if (name === undefined || namespace === undefined || layer === undefined) continue;
    const object = mesh.object(objectKey({ kind: "VirtualService", metadata: { name, namespace } as MeshObject["metadata"] }));
    if (object !== undefined) return { object, path: ["spec", layer, Number(index)] };
  }
  return undefined;
}
