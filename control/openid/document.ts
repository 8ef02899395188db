import { request as requestPlain, type RequestOptions } from "node:http";
import { request as requestSecure } from "node:https";

/** Where a host of the mesh listens. */
export interface Located {
  readonly address: string;
  readonly port: number;
}

/** PEM of the authorities that servers' certificates must be of. */
export type Authorities = () => string;

export interface FetchOptions {
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /** Where a host is that the mesh knows; undefined where DNS is to say. */
  readonly locate: (host: string, port: number) => Located | undefined;
  readonly authorities: Authorities;
}

/** As much as a key set may have. */
export const MOST_BYTES = 256 * 1024;

/**
 * The text of a document at an http or https URL. Redirects are not followed: what the URL names must answer. Rejects where the answer is not 200, not whole within the time, or larger than {@link MOST_BYTES}.
 */
export function fetchDocument(uri: string, { timeout, locate, authorities }: FetchOptions): Promise<string> {
  const url = new URL(uri);
  const secure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const place = locate(host, port) ?? { address: host, port };
  const signal = AbortSignal.timeout(timeout);
  const options: RequestOptions = {
    host: place.address,
    port: place.port,
    path: `${url.pathname}${url.search}`,
    headers: { host: url.host, accept: "application/json" },
    // No connection outlives its answer.
    agent: false,
    signal,
  };
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      reject(signal.aborted ? new Error(`no answer within ${timeout} ms`) : error);
    };
    const sent = secure ? requestSecure({ ...options, servername: host, ca: authorities() }) : requestPlain(options);
    sent.on("error", failed);
    sent.on("response", (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`status ${response.statusCode ?? "missing"}`));
        sent.destroy();
        return;
      }
      const parts: Buffer[] = [];
      let size = 0;
      response.on("error", failed);
      response.on("data", (part: Buffer) => {
        parts.push(part);
        size += part.length;
        if (size <= MOST_BYTES) return;
        reject(new Error(`an answer of more than ${MOST_BYTES} bytes`));
        sent.destroy();
      });
      response.on("end", () => {
        resolve(Buffer.concat(parts).toString("utf8"));
      });
    });
    sent.end();
  });
}
