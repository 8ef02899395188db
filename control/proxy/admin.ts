import { request as httpRequest } from "node:http";
import type { ListenAddress } from "../bootstrap/index.ts";

/** Milliseconds for an answer: Envoy's main thread is never busy for long. */
const TIMEOUT = 5_000;

/** What the supervisor asks of the admin interface of its Envoy. Everything rejects where Envoy does not answer. */
export class ProxyAdmin {
  private readonly address: ListenAddress;

  constructor(address: ListenAddress) {
    this.address = address;
  }

  /** Whether it has its configuration and serves. */
  async ready(): Promise<boolean> {
    return (await this.exchange("GET", "/ready")).status === 200;
  }

  /** Whether the stream to the control service is up. */
  async connected(): Promise<boolean> {
    return (await this.sum("^control_plane\\.connected_state$")) > 0;
  }

  /** Readiness fails from now on, and clients are asked to leave with the answers that they get. */
  async failReadiness(): Promise<void> {
    await this.exchange("POST", "/healthcheck/fail");
  }

  /** Clients are asked to leave with the answers that they get, and connections are taken until `--drain-time-s` is over. */
  async drain(): Promise<void> {
    await this.exchange("POST", "/drain_listeners?graceful&skip_exit");
  }

  /** No connection is taken any more; those that are there go on. */
  async stopListening(): Promise<void> {
    await this.exchange("POST", "/drain_listeners");
  }

  /** Connections of clients, without those of the admin interface. */
  async activeConnections(): Promise<number> {
    return this.sum("^listener\\.(?!admin\\.)([^.]+\\.)*downstream_cx_active$", "^listener\\..*downstream_cx_active$");
  }

  private async sum(wanted: string, filter = wanted): Promise<number> {
    const { body } = await this.exchange("GET", `/stats?format=json&filter=${encodeURIComponent(filter)}`);
    const { stats } = JSON.parse(body) as { readonly stats: ReadonlyArray<{ readonly name?: string; readonly value?: number }> };
    const pattern = new RegExp(wanted);
    return stats.reduce((sum, { name, value }) => sum + (name !== undefined && pattern.test(name) ? (value ?? 0) : 0), 0);
  }

  private exchange(method: "GET" | "POST", path: string): Promise<{ readonly status: number; readonly body: string }> {
    const where = "path" in this.address ? { socketPath: this.address.path } : { host: this.address.host, port: this.address.port };
    return new Promise((resolve, reject) => {
      const request = httpRequest({ ...where, method, path, agent: false, timeout: TIMEOUT }, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString("utf8") }));
      });
      request.on("timeout", () => request.destroy(new Error(`no answer within ${TIMEOUT} ms`)));
      request.on("error", reject);
      request.end();
    });
  }
}
