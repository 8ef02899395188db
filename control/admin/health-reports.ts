import { TLSSocket } from "node:tls";
import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ControlService } from "../control-service.ts";
import { LONGEST_REPORT } from "../health/index.ts";
import { HEALTH_REPORTS } from "../host-health.ts";
import { healthReports } from "../health-reports.ts";

/** Reports of ejection filters, as at the address of xDS, for proxies that have a cluster for this one. They have a certificate or a token of their own, and no role here. */
export function addHealthReports(app: Hono, service: ControlService): void {
  const receive = healthReports(service);
  const limit = bodyLimit({
    maxSize: LONGEST_REPORT,
    onError: (context) => context.text(`at most ${LONGEST_REPORT} bytes are read\n`, 413),
  });
  app.post(HEALTH_REPORTS, limit, async (context) => {
    const socket = (context.env as Partial<HttpBindings> | undefined)?.incoming?.socket;
    const { pathname, search } = new URL(context.req.url);
    const { status, body } = await receive({
      method: "POST",
      path: `${pathname}${search}`,
      body: new Uint8Array(await context.req.arrayBuffer()),
      credentials: socket instanceof TLSSocket ? { transportSecurityType: "ssl", sslPeerCertificate: socket.getPeerCertificate(true) } : {},
      peer: `${socket?.remoteAddress ?? ""}:${socket?.remotePort ?? 0}`,
    });
    return context.text(body, status);
  });
}
