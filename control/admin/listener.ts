import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import type { ControlService } from "../control-service.ts";
import { addApi } from "./api.ts";
import { addDebug } from "./debug.ts";
import { addHealth } from "./health.ts";
import type { MeshIdentity } from "../identity/index.ts";
import { addIdentity } from "./identity.ts";
import { authenticated } from "./roles.ts";

export interface AdminOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** 0 is any free one. Default: 15014, as istiod's. */
  readonly port?: number;
  /** Bearer tokens, any of which opens everything (the role write). Must not be empty where `host` is not loopback. */
  readonly tokens?: readonly string[];
  /** Bearer tokens that open what changes nothing (the role read). Default: none. */
  readonly readTokens?: readonly string[];
  /** Whether on loopback what changes nothing is open to who has no token. Default: where there are no tokens. The health checks are open to all, always. */
  readonly openReads?: boolean;
  /** The authority, whose tokens and roots are shown and changed here. Default: none. */
  readonly identity?: MeshIdentity | undefined;
}

/** `/healthz/...`, `/metrics`, `/debug/...` as users of istiod know them, and `/api/v1/...`. */
export class AdminListener implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  private readonly server: Server;

  private constructor(server: Server) {
    const address = server.address();
    if (address === null || typeof address === "string") throw new TypeError("not bound to a port");
    this.host = address.address;
    this.port = address.port;
    this.server = server;
  }

  /** Listens. Rejects with the system's error where the address cannot be bound, and with a RangeError where it would be open to strangers. */
  static async start(
    service: ControlService,
    { host = "127.0.0.1", port = 15014, tokens = [], readTokens = [], openReads = tokens.length === 0, identity }: AdminOptions = {},
  ): Promise<AdminListener> {
    if (tokens.length === 0 && !isLoopback(host)) {
      throw new RangeError(
        `the admin interface on ${host} is open to others: give it a bearer token (--token-file), or listen on 127.0.0.1`,
      );
    }
    const app = new Hono();
    addHealth(app);
    app.use(authenticated({ write: tokens, read: readTokens, open: openReads && isLoopback(host) }));
    addDebug(app, service);
    addApi(app, service);
    addIdentity(app, identity);
    app.notFound((context) => context.json({ error: `there is no ${context.req.path}; /api/v1/openapi.json says what there is` }, 404));
    app.onError((error, context) => context.json({ error: error.message }, 500));
    const answer = getRequestListener(app.fetch);
    const server = createServer((request, response) => void answer(request, response));
    server.listen(port, host);
    await once(server, "listening");
    return new AdminListener(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }
}

/** Whether only processes of this machine reach an address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}
