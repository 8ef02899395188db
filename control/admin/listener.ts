import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import type { ControlService } from "../control-service.ts";
import { contextOf, HANDSHAKE_TIMEOUT, type ServerCertificate } from "../tls/index.ts";
import { addApi } from "./api.ts";
import { addDebug } from "./debug.ts";
import { addExplain } from "./explain.ts";
import { addHealth } from "./health.ts";
import { addHealthReports } from "./health-reports.ts";
import type { MeshIdentity } from "../identity/index.ts";
import { addIdentity } from "./identity.ts";
import { addObjects } from "./objects/objects.ts";
import type { ApiSource } from "../sources/api/index.ts";
import { proxiesWithoutRoots } from "./rotation.ts";
import { authenticated, type CertificateRoles } from "./roles.ts";

export interface AdminOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** 0 is any free one. Default: 15014, as istiod's. */
  readonly port?: number;
  /** For TLS, which is spoken alone then. Default: none, which is for loopback only. */
  readonly certificate?: ServerCertificate | undefined;
  /** Bearer tokens, any of which opens everything (the role write). */
  readonly tokens?: readonly string[];
  /** Bearer tokens that open what changes nothing (the role read). Default: none. */
  readonly readTokens?: readonly string[];
  /** Roles of those who show a certificate. Where `host` is not loopback there are these or `tokens`. Default: certificates give none. */
  readonly certificates?: CertificateRoles | undefined;
  /** Whether on loopback what changes nothing is open to who shows nothing. Default: where there is nothing to show. The health checks are open to all, always. */
  readonly openReads?: boolean;
  /** Milliseconds within which TLS has begun, and the head of a request is there; all of it in three times as many. Default: 10,000. */
  readonly patience?: number;
  /** The authority, whose tokens and roots are shown and changed here. Default: none. */
  readonly identity?: MeshIdentity | undefined;
  /** Where objects of the API go, one of the service's sources. Default: objects are shown, and not changed. */
  readonly objects?: ApiSource | undefined;
}

/** `/healthz/...`, `/metrics`, `/debug/...` as users of istiod know them, and `/api/v1/...`. */
export class AdminListener implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  private readonly server: Server;
  private readonly unsubscribe: () => void;

  private constructor(server: Server, unsubscribe: () => void) {
    const address = server.address();
    if (address === null || typeof address === "string") throw new TypeError("not bound to a port");
    this.host = address.address;
    this.port = address.port;
    this.server = server;
    this.unsubscribe = unsubscribe;
  }

  /** Listens. Rejects with the system's error where the address cannot be bound, and with a RangeError where it would be open to strangers. */
  static async start(service: ControlService, options: AdminOptions = {}): Promise<AdminListener> {
    const { host = "127.0.0.1", port = 15014, tokens = [], readTokens = [], certificates, certificate, identity, objects } = options;
    const { openReads = tokens.length + readTokens.length === 0 && certificates === undefined } = options;
    if (!isLoopback(host) && certificate === undefined)
      throw new RangeError(`the admin interface on ${host} is open to others: give it TLS (--admin-cert), or listen on 127.0.0.1`);
    if (!isLoopback(host) && tokens.length === 0 && certificates === undefined)
      throw new RangeError(
        `the admin interface on ${host} is open to others: give it a bearer token (--token-file) or names in certificates (--admin-write-identity), or listen on 127.0.0.1`,
      );
    const app = new Hono();
    addHealth(app);
    addHealthReports(app, service);
    app.use(authenticated({ write: tokens, read: readTokens, certificates, open: openReads && isLoopback(host) }));
    addDebug(app, service);
    addApi(app, service);
    addExplain(app, service);
    addObjects(app, service, objects);
    addIdentity(app, identity, () => proxiesWithoutRoots(service));
    app.notFound((context) => context.json({ error: `there is no ${context.req.path}; /api/v1/openapi.json says what there is` }, 404));
    app.onError((error, context) => context.json({ error: error.message }, 500));
    const answer = getRequestListener(app.fetch);
    const { server, unsubscribe } = serverOf(options, (request, response) => void answer(request, response));
    server.listen(port, host);
    await once(server, "listening");
    return new AdminListener(server, unsubscribe);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.unsubscribe();
    const closed = once(this.server, "close");
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }
}

/** Connections at once; tools and scrapers need a few. */
const CONNECTIONS = 1000;

/** Nobody has to be slow: who is holds a place among a limited number for a limited time. */
function serverOf(
  { certificate, patience = HANDSHAKE_TIMEOUT }: Pick<AdminOptions, "certificate" | "patience">,
  answer: RequestListener,
): { readonly server: Server; readonly unsubscribe: () => void } {
  const limits = { headersTimeout: patience, requestTimeout: 3 * patience, connectionsCheckingInterval: patience / 2 };
  if (certificate === undefined) {
    const server = createServer(limits, answer);
    server.maxConnections = CONNECTIONS;
    return { server, unsubscribe: () => undefined };
  }
  // Whose certificate a client shows, and whether it is good, is looked at by `authenticated`.
  const tls = { requestCert: true, rejectUnauthorized: false, handshakeTimeout: patience };
  const server = createTlsServer({ ...contextOf(certificate), ...tls, ...limits }, answer);
  server.maxConnections = CONNECTIONS;
  return { server, unsubscribe: certificate.onChange(() => server.setSecureContext(contextOf(certificate))) };
}

/** Whether only processes of this machine reach an address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}
