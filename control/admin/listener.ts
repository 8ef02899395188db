import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { type Context, Hono } from "hono";
import type { ControlService } from "../control-service.ts";
import { addApi } from "./api.ts";
import { addDebug } from "./debug.ts";
import { addHealth } from "./health.ts";

export interface AdminOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** 0 is any free one. Default: 15014, as istiod's. */
  readonly port?: number;
  /** Bearer tokens, any of which opens everything but the health checks. Must not be empty where `host` is not loopback. */
  readonly tokens?: readonly string[];
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
    { host = "127.0.0.1", port = 15014, tokens = [] }: AdminOptions = {},
  ): Promise<AdminListener> {
    if (tokens.length === 0 && !isLoopback(host)) {
      throw new RangeError(
        `the admin interface on ${host} is open to others: give it a bearer token (--token-file), or listen on 127.0.0.1`,
      );
    }
    const app = new Hono();
    addHealth(app);
    app.use(async (context, next) => {
      if (tokens.length > 0 && !isKnown(context.req.header("authorization"), tokens)) return refuse(context);
      return next();
    });
    addDebug(app, service);
    addApi(app, service);
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

function refuse(context: Context): Response {
  context.header("www-authenticate", "Bearer");
  return context.json({ error: "a bearer token is wanted: --token-file FILE, or the header Authorization: Bearer TOKEN" }, 401);
}

function isKnown(authorization: string | undefined, tokens: readonly string[]): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (given === undefined) return false;
  // Hashes have one length, so the comparison tells nothing about the token.
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return tokens.filter((token) => timingSafeEqual(digest(token), digest(given))).length > 0;
}
