import { Server, ServerCredentials, type ServerInterceptor } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { type Message, serialize, shareBodies } from "./message.ts";
import { RawCall } from "./testing/grpc-client.ts";

const PATH = "/test.Service/Method";
const BODY = Buffer.alloc(300_000, "body");

/** A server that answers every message with the same body and one nonce after the other, all at once. */
async function serve(interceptors: ServerInterceptor[], nonces: readonly string[]) {
  const grpc = new Server({ interceptors });
  const copied: number[] = [];
  const handle = (call: { on(event: "data", listener: () => void): void; write(message: Message): void }) => {
    call.on("data", () => {
      for (const nonce of nonces) call.write({ body: BODY, nonce: Buffer.from(nonce) });
    });
  };
  const noted = (message: Message) => {
    const bytes = serialize(message);
    copied.push(bytes.byteLength);
    return bytes;
  };
  grpc.register(PATH, handle, noted, (bytes: Buffer) => bytes, "bidi");
  const port = await new Promise<number>((resolve, reject) => {
    grpc.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return { port, copied, [Symbol.dispose]: () => grpc.forceShutdown() };
}

test.each([
  ["the body is sent from where it lies", [shareBodies], 2],
  ["without the interceptor all is copied", [], BODY.length + 2],
])("%s, and every message is whole", async (_, interceptors, size) => {
  const nonces = Array.from({ length: 5 }, (_, index) => `n${index}`);
  using server = await serve(interceptors, nonces);
  using call = new RawCall(server.port, PATH);
  call.send(Buffer.from("go"));
  for (const nonce of nonces) {
    const message = await call.next();
    expect(message.subarray(0, 2).toString()).toBe(nonce);
    expect(message.subarray(2).equals(BODY)).toBe(true);
  }
  expect(server.copied).toEqual(nonces.map(() => size));
});

test("a call that is cancelled while its messages wait does the others no harm", async () => {
  using server = await serve([shareBodies], ["a", "b"]);
  {
    using call = new RawCall(server.port, PATH);
    call.pause();
    call.send(Buffer.from("go"));
    await expect.poll(() => server.copied.length, { timeout: 20_000 }).toBeGreaterThan(0);
  }
  using call = new RawCall(server.port, PATH);
  call.send(Buffer.from("go"));
  expect([await call.next(), await call.next()].map((message) => message.length)).toEqual([BODY.length + 1, BODY.length + 1]);
});
