import { HeaderMap } from "../header-map.ts";
import type { TestUpstream } from "../http/test-upstream.ts";
import { GRPC_RESPONSE_HEADERS, GRPC_TRAILERS } from "../../target/defaults.ts";
import type { ClientReset, Protocol, ScriptedResponse } from "../../target/index.ts";
import { isUpgrade } from "./request-headers.ts";
import { bodyBytes, bodyParts, frameMessage, frameWebSocket, unframeWebSocket } from "../../target/body.ts";
import { joinCookies } from "./request-headers.ts";

/** A response as it is sent. */
export interface ScriptedMessage {
  readonly headers: HeaderMap;
  /** Of its body, as they come. */
  readonly pieces: readonly Uint8Array[];
  /** Whether the end of the body comes with its last piece. */
  readonly endsWithBody: boolean;
  readonly trailers: HeaderMap | undefined;
  /** Whether its end never comes. */
  readonly endless: boolean;
}

/** What the scripted upstream sends back for a request. */
export class UpstreamScript {
  readonly delay: number;
  readonly reset: ScriptedResponse["reset"];
  /** Where the client gives up, if that is behind the request. */
  readonly clientReset: ClientReset | undefined;
  private readonly protocol: Protocol;
  private readonly script: ScriptedResponse;

  constructor(protocol: Protocol, script: ScriptedResponse, clientReset?: ClientReset) {
    this.clientReset = clientReset;
    this.protocol = protocol;
    this.script = script;
    this.delay = script.delay ?? 0;
    this.reset = script.reset;
  }

  /** Whether the upstream is asked for a WebSocket: a filter may have taken that out. */
  upgrades({ headers }: TestUpstream): boolean {
    return this.protocol === "websocket" && headers !== undefined && isUpgrade(headers);
  }

  /** Whether the upstream has what it waits for: the whole request, of a WebSocket its headers. */
  ready(received: TestUpstream): boolean {
    return received.headers !== undefined && (received.complete || this.upgrades(received));
  }

  /** What it answers to the message of a WebSocket: without a scripted body an echo. */
  message(received: TestUpstream): Uint8Array {
    const { body } = this.script;
    return frameWebSocket(body === undefined ? unframeWebSocket(received.body.bytes()) : bodyBytes(body), false);
  }

  /** A server knows gRPC by the content type that came to it, which a filter may have changed. */
  private isGrpc({ headers }: TestUpstream): boolean {
    const overHttp2 = this.protocol === "grpc" || this.protocol === "h2";
    return overHttp2 && headers?.get("content-type")?.startsWith("application/grpc") === true;
  }

  response(received: TestUpstream): ScriptedMessage {
    const { script } = this;
    const list = script.headers ?? [];
    const given = (name: string) => list.some(([other]) => other.toLowerCase() === name);
    const headers: Array<readonly [string, string]> = [
      [":status", String(script.status ?? (this.upgrades(received) ? 101 : 200))],
      ...list,
    ];
    const status = script.status ?? 200;
    const bodiless = received.headers?.get(":method") === "HEAD" || status < 200 || status === 204 || status === 304;
    // What has no body is over with its headers.
    const endless = script.reset !== undefined || (this.clientReset === "in-response" && !bodiless);
    let body = bodyBytes(script.body);
    let trailers = script.trailers;
    if (this.isGrpc(received)) {
      headers.push(...GRPC_RESPONSE_HEADERS.filter(([name]) => !given(name)));
      if (body.length > 0) body = frameMessage(body);
      if (!given("grpc-status") && !(trailers ?? []).some(([name]) => name === "grpc-status"))
        trailers = [...(trailers ?? []), ...GRPC_TRAILERS];
    } else if (this.upgrades(received)) {
      headers.push(["upgrade", "websocket"], ["connection", "Upgrade"]);
      return { headers: HeaderMap.from("response", headers), pieces: [], endsWithBody: false, trailers: undefined, endless: true };
    } else {
      const streamed = endless || script.chunks !== undefined || (trailers?.length ?? 0) > 0;
      if (!given("content-length") && !bodiless && !streamed) headers.push(["content-length", String(body.length)]);
    }
    const pieces = bodiless ? [] : bodyParts(script.chunks?.map(bodyBytes) ?? [body], this.protocol);
    // Something follows the headers before a reset, or both could be lost with the connection.
    if (script.reset === "after-headers" && pieces.length === 0) pieces.push(Buffer.from("partial"));
    return {
      headers: HeaderMap.from("response", this.protocol === "h2" || this.protocol === "grpc" ? joinCookies(headers) : headers),
      pieces,
      trailers: trailers === undefined || endless ? undefined : HeaderMap.from("response-trailers", trailers),
      endless,
      // Node ends a stream of HTTP/2 in the last frame of what it is given at once. The codec of HTTP/1.1 tells of the end apart.
      endsWithBody: trailers === undefined && !endless && script.chunks === undefined && this.protocol === "h2",
    };
  }
}
