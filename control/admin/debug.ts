import type { Hono } from "hono";
import type { ControlService } from "../control-service.ts";
import { proxyStatus } from "./proxy-status.ts";

/** Istiod's columns of `/debug/syncz`. */
const COLUMNS = { listener: "listener", route: "route", cluster: "cluster", endpoint: "endpoint", filter: "extensionconfig" } as const;

/** What users of istiod know by these names and shapes. */
export function addDebug(app: Hono, service: ControlService): void {
  app.get("/metrics", async (context) => {
    context.header("content-type", "text/plain; version=0.0.4; charset=utf-8");
    return context.body(await service.metrics.scrape());
  });

  app.get("/debug/syncz", (context) =>
    context.json(
      proxyStatus(service).map(({ id, type, clusterId, version, types }) => {
        const row: Record<string, string> = { cluster_id: clusterId, proxy: id, proxy_type: type, istio_version: version };
        for (const [name, column] of Object.entries(COLUMNS)) {
          const found = types.find((each) => each.type === name);
          row[`${column}_sent`] = found?.sent?.nonce ?? "";
          row[`${column}_acked`] = found?.accepted?.nonce ?? "";
        }
        return row;
      }),
    ),
  );

  app.get("/debug/configz", (context) =>
    context.json(
      service.mesh
        .allObjects()
        // A Secret's fields are nobody's business.
        .filter(({ kind }) => kind !== "Secret")
        .map(({ apiVersion, kind, metadata, spec }) => ({
          apiVersion,
          kind,
          metadata: { ...metadata, creationTimestamp: timestamp(metadata.creationTimestamp) },
          spec,
        })),
    ),
  );

  app.get("/debug/endpointz", (context) =>
    context.json(
      service.mesh.services().flatMap((each) =>
        each.ports.map((port) => ({
          svc: `${each.host}:${port.name}`,
          ep: service.mesh.endpointsOf(each).map(({ address, ports, labels, locality, health, serviceAccount }) => ({
            address,
            port: ports[port.name] ?? port.number,
            labels,
            locality,
            health,
            serviceAccount,
          })),
        })),
      ),
    ),
  );

  app.get("/debug/adsz", (context) => {
    const clients = service.status().map(({ stream, proxy, peer, connectedAt, types }) => ({
      connectionId: `${proxy}-${stream}`,
      connectedAt: timestamp(connectedAt),
      address: peer,
      watches: Object.fromEntries(
        types.filter(({ state }) => state !== "NOT SENT").map(({ typeUrl, names, wildcard }) => [typeUrl, wildcard ? ["*"] : names]),
      ),
    }));
    return context.json({ totalClients: clients.length, clients });
  });
}

function timestamp(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
}
