import { readReport } from "./health/index.ts";
import type { ControlService } from "./control-service.ts";
import { HEALTH_REPORTS } from "./host-health.ts";
import { LimitedLines } from "./limited-lines.ts";
import type { ControlLog } from "./log.ts";
import type { ClientConnection } from "./proxy-authorizer.ts";
import { XdsError } from "./xds/server/index.ts";

/** A report as it comes in, on whichever address. */
export interface IncomingReport extends ClientConnection {
  readonly method: string;
  /** With its query, in which the token may be. */
  readonly path: string;
  readonly body: Uint8Array;
}

export interface ReportAnswer {
  readonly status: 202 | 400 | 401 | 403 | 404 | 405 | 409 | 429 | 500 | 503;
  readonly body: string;
}

type Service = Pick<ControlService, "health" | "connectedAs" | "metrics">;

/**
 * Takes reports of ejection filters. They are a proxy's that is connected: over TLS its certificate says who it is, as on its stream of xDS; in plain text, which is the loopback interface, the token
 * that its configuration carries. Nothing of a report is logged but whose it is, and never a token.
 */
export function healthReports(service: Service, log?: ControlLog): (request: IncomingReport) => Promise<ReportAnswer> {
  const refusals = new LimitedLines((...line) => log?.warn(...line), "more reports of hosts were refused");
  return async (request) => {
    const answer = await receive(service, request);
    service.metrics.healthReported(RESULTS[answer.status] ?? "refused");
    if (answer.status === 401 || answer.status === 403)
      refusals.add({ peer: request.peer, reason: answer.body.trim() }, "a report of hosts is refused");
    return answer;
  };
}

const RESULTS: Readonly<Record<number, string>> = { 202: "taken", 409: "late", 429: "early", 400: "malformed", 404: "unknown", 503: "off" };

async function receive(service: Service, request: IncomingReport): Promise<ReportAnswer> {
  const { health } = service;
  const { pathname, searchParams } = new URL(request.path, "http://localhost");
  if (pathname !== HEALTH_REPORTS)
    return { status: 404, body: `there is no ${pathname} here; xDS is spoken, and ${HEALTH_REPORTS} taken\n` };
  if (request.method !== "POST") return { status: 405, body: "reports are sent with POST\n" };
  if (health === undefined) return { status: 503, body: "mesh-wide health is off (serve --mesh-health)\n" };
  const report = readReport(request.body);
  if (typeof report === "string") return { status: 400, body: `${report}\n` };
  try {
    const proxy = await service.connectedAs(report.node, request);
    if (proxy === undefined) return { status: 403, body: `no proxy ${JSON.stringify(report.node.slice(0, 256))} is connected\n` };
    if (!proxy.proved && !health.isToken(searchParams.get("token") ?? ""))
      return { status: 401, body: "a certificate of the proxy is wanted, or the token that its configuration carries\n" };
    const receipt = health.report(proxy.id, report);
    if (receipt === "early") return { status: 429, body: `one report is taken in ${health.interval / 2}ms\n` };
    return receipt === "late" ? { status: 409, body: "it is older than one that was taken\n" } : { status: 202, body: "" };
  } catch (error) {
    const { code, message } = XdsError.from(error);
    return { status: code === "INTERNAL" ? 500 : code === "PERMISSION_DENIED" ? 403 : 401, body: `${message}\n` };
  }
}
