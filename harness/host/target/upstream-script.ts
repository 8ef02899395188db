import { HeaderMap } from "../header-map.ts";
import type { TestUpstream } from "../http/test-upstream.ts";
import { GRPC_RESPONSE_HEADERS, GRPC_TRAILERS } from "../../target/defaults.ts";
import type { Protocol, ScriptedResponse } from "../../target/index.ts";
import { bodyBytes, frameMessage, frameWebSocket, unframeWebSocket } from "../../target/body.ts";

/** What the scripted upstream sends back for a request. */
export class UpstreamScript {
  readonly delay: number;
  readonly reset: ScriptedResponse["reset"];
  private readonly protocol: Protocol;
  private readonly script: ScriptedResponse;

  constructor(protocol: Protocol, script: ScriptedResponse) {
    this.protocol = protocol;
    this.script = script;
    this.delay = script.delay ?? 0;
    this.reset = script.reset;
  }

  /** Whether the upstream has what it waits for: the whole request, of an upgrade its headers and a message. */
  ready(received: TestUpstream): boolean {
    if (received.headers === undefined) return false;
    return this.protocol === "websocket" ? received.body.length > 0 : received.complete;
  }

  /** A server knows gRPC by the content type that came to it, which a filter may have changed. */
  private isGrpc({ headers }: TestUpstream): boolean {
    const overHttp2 = this.protocol === "grpc" || this.protocol === "h2";
    return overHttp2 && headers?.get("content-type")?.startsWith("application/grpc") === true;
  }

  response(received: TestUpstream): { readonly headers: HeaderMap; readonly body: Uint8Array; readonly trailers: HeaderMap | undefined } {
    const { script } = this;
    const list = script.headers ?? [];
    const given = (name: string) => list.some(([other]) => other.toLowerCase() === name);
    const headers: Array<readonly [string, string]> = [
      [":status", String(script.status ?? (this.protocol === "websocket" ? 101 : 200))],
      ...list,
    ];
    let body = bodyBytes(script.body);
    let trailers = script.trailers;
    if (this.isGrpc(received)) {
      headers.push(...GRPC_RESPONSE_HEADERS.filter(([name]) => !given(name)));
      if (body.length > 0) body = frameMessage(body);
      if (!given("grpc-status") && !(trailers ?? []).some(([name]) => name === "grpc-status"))
        trailers = [...(trailers ?? []), ...GRPC_TRAILERS];
    } else if (this.protocol === "websocket" && (script.status ?? 101) === 101) {
      headers.push(["upgrade", "websocket"], ["connection", "Upgrade"]);
      body = frameWebSocket(script.body === undefined ? unframeWebSocket(received.body.bytes()) : body, false);
    } else {
      const status = script.status ?? 200;
      const bodiless = received.headers?.get(":method") === "HEAD" || status < 200 || status === 204 || status === 304;
      const streamed = script.reset !== undefined || (trailers?.length ?? 0) > 0;
      if (!given("content-length") && !bodiless && !streamed) headers.push(["content-length", String(body.length)]);
      if (bodiless) body = new Uint8Array(0);
    }
    // Something follows the headers before a reset, or both could be lost with the connection.
    if (script.reset === "after-headers" && body.length === 0) body = Buffer.from("partial");
    return {
      headers: HeaderMap.from("response", headers),
      body,
      trailers: trailers === undefined ? undefined : HeaderMap.from("response-trailers", trailers),
    };
  }
}
