import type { Context, Hono } from "hono";
import type { ControlService } from "../control-service.ts";
import { explainObject, explainResources } from "../explain/index.ts";
import { KINDS } from "../kinds/index.ts";
import { type MeshObject, objectKey, type Proxy } from "../model/index.ts";
import { XDS_TYPES } from "../xds/types/index.ts";
import { kindNamed } from "./objects/kinds.ts";

/** Questions that may wait for the one under way: each looks at the whole mesh. */
const WAITING = 4;

/** What `meshwright explain` asks. The mesh is looked at as it is when the turn comes, beside what is served and without touching it. */
export function addExplain(app: Hono, service: ControlService): void {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const inTurn = async (context: Context, answer: () => Promise<Response>): Promise<Response> => {
    if (waiting >= WAITING) return context.json({ error: "others are being answered; ask again" }, 503);
    waiting += 1;
    const turn = last.then(answer).finally(() => (waiting -= 1));
    last = turn.catch(() => undefined);
    return turn;
  };
  const proxyOf = (id: string): Proxy | undefined => service.proxies().find((proxy) => proxy.id === id);
  const notConnected = (context: Context, id: string) =>
    context.json({ error: `proxy ${id} is not connected; /api/v1/status lists those that are` }, 404);

  app.get("/api/v1/explain/resources", (context) => {
    const { proxy: id, type, name } = context.req.query();
    const names = XDS_TYPES.map((each) => each.name).filter((each) => each !== "roots");
    if (id === undefined || type === undefined || !names.includes(type))
      return context.json({ error: `say proxy=ID, and type=TYPE, one of ${names.join(", ")}` }, 400);
    return inTurn(context, async () => {
      const proxy = proxyOf(id);
      if (proxy === undefined) return notConnected(context, id);
      return context.json(await explainResources(service.mesh, proxy, { type, ...(name === undefined ? {} : { name }) }));
    });
  });

  app.get("/api/v1/explain/objects/:kind/:namespace/:name", (context) => {
    const { kind: asked, namespace, name } = context.req.param();
    const id = context.req.query("proxy");
    const kind = kindNamed(
      asked,
      KINDS.map((each) => each.kind),
    );
    if (kind === undefined) return context.json({ error: `there is no kind ${asked}` }, 400);
    return inTurn(context, async () => {
      const proxies = id === undefined ? service.proxies() : service.proxies().filter((proxy) => proxy.id === id);
      if (id !== undefined && proxies.length === 0) return notConnected(context, id);
      const object = service.mesh.object(objectKey({ kind, metadata: { namespace, name } as MeshObject["metadata"] }));
      if (object === undefined)
        return context.json({ error: `there is no ${kind} ${namespace}/${name} that counts. One with an error counts for nothing` }, 404);
      return context.json(await explainObject(service.mesh, proxies, object));
    });
  });
}
