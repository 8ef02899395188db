import type { Hono } from "hono";

/** For whoever starts and watches the process; open to all. A service that listens has read its sources, so it is ready. */
export function addHealth(app: Hono): void {
  app.get("/healthz/ready", (context) => context.text("ready\n"));
  app.get("/healthz/live", (context) => context.text("live\n"));
}
