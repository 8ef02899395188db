import type { Hono } from "hono";
import type { ControlService } from "../control-service.ts";
import { resourcesAsJson } from "../configuration/index.ts";
import { parseDuration } from "../model/fields/index.ts";
import { formatPath } from "../model/index.ts";
import { XDS_TYPES } from "../xds/types/index.ts";
import { admissionStatus } from "./admission-status.ts";
import { healthStatus, outForAll } from "./health-status.ts";
import { OPEN_API } from "./openapi.ts";
import { proxyStatus } from "./proxy-status.ts";
import { waitForProxies } from "./wait.ts";

const LONGEST_WAIT = 600_000;

/** What `openapi.ts` describes. */
export function addApi(app: Hono, service: ControlService): void {
  app.get("/api/v1/openapi.json", (context) => context.json(OPEN_API));

  app.get("/api/v1/status", (context) =>
    context.json({ proxies: proxyStatus(service), admission: admissionStatus(service), health: outForAll(service) }),
  );

  app.get("/api/v1/health", (context) => context.json(healthStatus(service)));

  app.get("/api/v1/problems", (context) =>
    context.json({ problems: service.problems().map((problem) => ({ ...problem, path: formatPath(problem.path) })) }),
  );

  app.get("/api/v1/proxies", (context) => {
    const { peers, issuers } = service.mesh.index;
    const distinct = new Map([...peers.values()].flat().map((peer) => [peer.id, peer]));
    return context.json({ proxies: service.proxies(), peers: [...distinct.values()], issuers: Object.fromEntries(issuers) });
  });

  app.get("/api/v1/proxies/:id/config", async (context) => {
    const id = context.req.param("id");
    const type = context.req.query("type");
    const names = XDS_TYPES.map(({ name }) => name);
    if (type !== undefined && !names.includes(type))
      return context.json({ error: `there is no type ${type}; types are ${names.join(", ")}` }, 400);
    const snapshot = service.snapshotOf(id);
    if (snapshot === undefined) return context.json({ error: `proxy ${id} is not connected; /api/v1/status lists those that are` }, 404);
    return context.json(await resourcesAsJson(XDS_TYPES, snapshot, type));
  });

  app.post("/api/v1/wait", async (context) => {
    const text = context.req.query("timeout") ?? "30s";
    const timeout = parseDuration(text);
    if (timeout === undefined || timeout < 0 || timeout > LONGEST_WAIT)
      return context.json({ error: `timeout ${text} is none; write 30s, at most 10m` }, 400);
    return context.json(await waitForProxies(service, timeout));
  });
}
