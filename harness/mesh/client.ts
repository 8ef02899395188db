import { request } from "node:http";

/** Where a request goes: an address, or a socket of the file system. */
export type Place = { readonly host: string; readonly port: number } | { readonly path: string };

export interface MeshRequest {
  /** Default: `GET`. */
  readonly method?: string;
  /** By name. Default: `host` of the URL alone. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Milliseconds until no answer is awaited any more. Default: 20,000. */
  readonly timeout?: number;
}

export interface MeshAnswer {
  readonly status: number;
  /** By name in lower case; of a repeated one the values with commas between. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

const TIMEOUT = 20_000;

/** One request on a connection of its own. Rejects where no whole answer comes. */
export function ask(
  place: Place,
  url: URL,
  { method = "GET", headers = {}, body, timeout = TIMEOUT }: MeshRequest = {},
): Promise<MeshAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new Error(`${method} ${url.href}: ${error.message}`, { cause: error }));
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const sent = request(
      {
        ...("path" in place ? { socketPath: place.path } : place),
        agent: false,
        method,
        path: `${url.pathname}${url.search}`,
        headers: { host: url.host, ...length, ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => {
          const entries = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
          resolve({ status: response.statusCode ?? 0, headers: new Map(entries), body: Buffer.concat(chunks).toString() });
        });
      },
    );
    const timer = setTimeout(() => sent.destroy(new Error(`no answer within ${timeout} ms`)), timeout);
    sent.once("close", () => clearTimeout(timer));
    sent.on("error", fail);
    sent.end(body);
  });
}
