import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { text } from "node:stream/consumers";
import type { PeerCertificate } from "node:tls";

/** PEM. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** An error where the server's certificate, whose chain is good, is not for it. Default: it is to be for the host. */
  readonly checkServerIdentity?: (host: string, shown: PeerCertificate) => Error | undefined;
}

interface Request {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeout: number;
  /** For URLs with `https:`. */
  readonly tls: TlsOptions;
}

/** One request and its answer; `fetch` has no certificates of clients. Rejects where there is none in time. */
export async function exchange(
  url: URL,
  { method, headers, timeout, tls }: Request,
  body: string | undefined,
): Promise<{ readonly status: number; readonly text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ readonly status: number; readonly text: string }>();
  const signal = AbortSignal.timeout(timeout);
  const options = { method, headers, agent: false, signal } as const;
  const request = url.protocol === "https:" ? requestHttps(url, { ...options, ...tls }) : requestHttp(url, options);
  request.on("response", (response) => {
    text(response).then((read) => resolve({ status: response.statusCode ?? 0, text: read }), reject);
  });
  request.on("error", (error) => reject(signal.aborted ? new Error(`no answer within ${timeout} ms`, { cause: error }) : error));
  request.end(body);
  return promise;
}
