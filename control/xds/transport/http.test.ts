import { connect, type SecureClientSessionOptions } from "node:http2";
import { describe, expect, onTestFinished, test } from "vitest";
import { resourcesOf } from "../server/testing/mesh.ts";
import { CLUSTER, MapSnapshot } from "../server/testing/snapshot.ts";
import type { PlainHandler, PlainRequest } from "./index.ts";
import { selfSigned, unchanging } from "./testing/certificate.ts";
import { TestControl } from "./testing/control.ts";
import { DeltaCall } from "./testing/grpc-client.ts";

const PAIR = selfSigned();
const MESH = new MapSnapshot("1", { [CLUSTER]: resourcesOf({ a: "1" }) });

interface Sent {
  readonly status: number;
  readonly body: string;
}

async function serving(http: PlainHandler | undefined, tls = false) {
  const control = await TestControl.start(MESH, {
    ...(http === undefined ? {} : { http }),
    ...(tls ? { certificate: unchanging(PAIR) } : {}),
  });
  onTestFinished(() => control[Symbol.asyncDispose]());
  const { port } = control.listener;
  const send = (body: string, path = "/reports", options: SecureClientSessionOptions = {}): Promise<Sent> => {
    const session = connect(`${tls ? "https" : "http"}://127.0.0.1:${port}`, { ...options, rejectUnauthorized: false });
    onTestFinished(() => session.destroy());
    return new Promise((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/json" });
      let status = 0;
      let text = "";
      stream.on("error", reject);
      stream.on("response", ({ ":status": code }) => (status = code ?? 0));
      stream.setEncoding("utf8").on("data", (part: string) => (text += part));
      stream.on("end", () => resolve({ status, body: text }));
      stream.end(body);
    });
  };
  return { port, send };
}

/** Answers with what it got. */
function recorded(): { readonly requests: PlainRequest[]; readonly handler: PlainHandler } {
  const requests: PlainRequest[] = [];
  const handler: PlainHandler = async (request) => {
    requests.push(request);
    return { status: 202, body: String(request.body.length) };
  };
  return { requests, handler };
}

describe("requests that are no calls of gRPC", () => {
  test("are answered beside xDS", async () => {
    const { requests, handler } = recorded();
    const { port, send } = await serving(handler);
    expect(await send("hello", "/reports?token=a")).toEqual({ status: 202, body: "5" });
    expect(requests).toMatchObject([{ method: "POST", path: "/reports?token=a", credentials: {} }]);
    expect(requests[0]?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
    using call = new DeltaCall(port, "proxy");
    call.request({ typeUrl: CLUSTER });
    expect((await call.response()).resources).toHaveLength(1);
  });

  test("over TLS the certificate of the client is known", async () => {
    const { requests, handler } = recorded();
    const { send } = await serving(handler, true);
    await send("1", "/", { cert: PAIR.certificate, key: PAIR.key });
    await send("2");
    const [shown, none] = requests.map(
      ({ credentials }) => credentials as { transportSecurityType?: string; sslPeerCertificate?: { raw?: Buffer } },
    );
    expect(shown).toMatchObject({ transportSecurityType: "ssl", sslPeerCertificate: { raw: expect.any(Buffer) as Buffer } });
    expect(none?.transportSecurityType).toBe("ssl");
    expect(none?.sslPeerCertificate?.raw).toBeUndefined();
  });

  test("that are too long are not read to their end", async () => {
    const { requests, handler } = recorded();
    const { send } = await serving(handler);
    expect(await send("x".repeat(1024 * 1024))).toEqual({ status: 202, body: "1048576" });
    expect((await send("x".repeat(1024 * 1024 + 1))).status).toBe(413);
    expect(requests).toHaveLength(1);
  });

  test("a handler that fails costs its request, and says nothing of why", async () => {
    const { send } = await serving(() => Promise.reject(new Error("secret")));
    expect(await send("")).toEqual({ status: 500, body: "the control service failed at this request\n" });
  });

  test("without a handler are refused as gRPC refuses them", async () => {
    const { send } = await serving(undefined);
    expect((await send("")).status).toBe(415);
  });
});
