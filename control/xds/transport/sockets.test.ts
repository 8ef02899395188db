import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { credentials } from "@grpc/grpc-js";
import { describe, expect, onTestFinished, test } from "vitest";
import { resourcesOf } from "../server/testing/mesh.ts";
import { CLUSTER, MapSnapshot } from "../server/testing/snapshot.ts";
import type { ServerKeyPair } from "../../tls/index.ts";
import type { ListenOptions } from "./index.ts";
import { selfSigned, unchanging } from "./testing/certificate.ts";
import { TestControl } from "./testing/control.ts";
import { DeltaCall } from "./testing/grpc-client.ts";

const PAIR = selfSigned();
const MESH = new MapSnapshot("1", { [CLUSTER]: resourcesOf({ a: "1" }) });

function channelWith(pair?: ServerKeyPair) {
  const [key, certificate] = pair === undefined ? [null, null] : [Buffer.from(pair.key), Buffer.from(pair.certificate)];
  return credentials.createSsl(Buffer.from(PAIR.certificate), key, certificate, { checkServerIdentity: () => undefined });
}

/** A service over TLS, with a client that it goes on to serve whatever others do. */
async function service(options: Partial<ListenOptions> = {}) {
  const failures: string[] = [];
  const control = await TestControl.start(MESH, {
    certificate: unchanging(PAIR),
    onFailure: ({ reason }) => void failures.push(reason),
    ...options,
  });
  const { port } = control.listener;
  const channel = channelWith();
  const good = new DeltaCall(port, "good", undefined, channel);
  onTestFinished(async () => {
    good[Symbol.dispose]();
    await control[Symbol.asyncDispose]();
  });
  good.request({ typeUrl: CLUSTER });
  good.ack(await good.response());
  let version = 1;
  /** Both the client that is there and one that comes now. */
  const servesOthers = async () => {
    const settled = control.push({ [CLUSTER]: resourcesOf({ a: String(++version) }) });
    good.ack(await good.response());
    await settled;
    using other = new DeltaCall(port, "other", undefined, channel);
    other.request({ typeUrl: CLUSTER });
    expect((await other.response()).resources).toHaveLength(1);
  };
  return { port, failures, control, servesOthers };
}

/** A socket that is closed with the test. */
function dial(port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined).resume();
  onTestFinished(() => void socket.destroy());
  return socket;
}

function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"], ...options }, () =>
      resolve(socket),
    );
    socket.once("error", reject);
    onTestFinished(() => void socket.destroy());
  });
}

describe("TLS", () => {
  // OpenSSL itself lets its client speak them at security level 0 alone.
  test.each(["TLSv1", "TLSv1.1"] as const)("%s is refused, whatever the client wants", async (version) => {
    const { port, failures, servesOthers } = await service();
    const old = { minVersion: version, maxVersion: version, ciphers: "DEFAULT:@SECLEVEL=0" };
    await expect(handshake(port, old)).rejects.toMatchObject({
      code: expect.stringMatching(/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/) as string,
    });
    await expect.poll(() => failures).toEqual([expect.stringMatching(/unsupported protocol|protocol version/)]);
    await servesOthers();
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("%s is spoken, and no session is resumed", async (version) => {
    const { port } = await service();
    const options = { minVersion: version, maxVersion: version };
    const first = await handshake(port, options);
    const session = await Promise.race([once(first, "session").then(([ticket]) => ticket as Buffer), sleep(200)]);
    const second = await handshake(port, {
      ...options,
      ...((session ?? first.getSession()) !== undefined && { session: session ?? first.getSession() }),
    });
    expect([second.getProtocol(), second.isSessionReused()]).toEqual([version, false]);
  });

  test("a client that wants to negotiate anew in its connection gets no second handshake, however often it asks", async () => {
    const { port, servesOthers } = await service();
    for (let i = 0; i < 20; i++) {
      const socket = await handshake(port, { maxVersion: "TLSv1.2" });
      // The server's settings of HTTP/2: they are not to come in the middle of it.
      await once(socket, "data");
      const again = await new Promise((resolve) => {
        socket.once("error", resolve);
        socket.renegotiate({ rejectUnauthorized: false }, (error) => resolve(error ?? "a second handshake"));
      });
      expect(again).toMatchObject({ code: "ERR_SSL_NO_RENEGOTIATION" });
    }
    await servesOthers();
  });

  test("a chain of certificates that is huge ends its own connection", async () => {
    const { port, failures, servesOthers } = await service();
    // A hundred kilobytes are what OpenSSL reads (SSL_MAX_CERT_LIST_DEFAULT).
    const long = PAIR.certificate + selfSigned().certificate.repeat(400);
    const socket = await handshake(port, { key: PAIR.key, cert: long, maxVersion: "TLSv1.2" }).catch((error: Error) => error);
    expect(socket).toBeInstanceOf(Error);
    await expect.poll(() => failures).toEqual([expect.stringContaining("excessive message size")]);
    await servesOthers();
  });

  test("a client without a certificate, and one with somebody else's, is known by what it shows", async () => {
    const { port, control } = await service();
    const seen = async (pair?: ServerKeyPair) => {
      using call = new DeltaCall(port, "x", undefined, channelWith(pair));
      call.request({ typeUrl: CLUSTER });
      await call.response();
      return control.connections.at(-1);
    };
    expect(await seen()).toEqual({ transportSecurityType: "ssl", sslPeerCertificate: undefined });
    expect(await seen(selfSigned())).toMatchObject({
      transportSecurityType: "ssl",
      sslPeerCertificate: { raw: expect.any(Buffer) as Buffer },
    });
  });
});

describe("clients that are slow on purpose", () => {
  const CLIENT_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]);

  test.each<[string, boolean, (socket: Socket) => void]>([
    ["that say nothing", true, () => undefined],
    ["that say nothing where TLS alone is spoken", false, () => undefined],
    ["that begin TLS and say no more", true, (socket) => void socket.write(CLIENT_HELLO)],
    [
      "that say one byte at a time",
      true,
      (socket) => {
        let next = 0;
        const timer = setInterval(() => socket.write(CLIENT_HELLO.subarray(next, ++next)), 20);
        socket.once("close", () => clearInterval(timer));
      },
    ],
  ])("%s are cut off", async (_, plaintext, act) => {
    const { port, failures, servesOthers } = await service({ handshakeTimeout: 300, plaintext });
    const socket = dial(port);
    act(socket);
    await once(socket, "close");
    expect(failures).toEqual(["TLS has not begun within 300 ms"]);
    await servesOthers();
  });

  test("a flood of them takes no place from others", async () => {
    const { port, failures, servesOthers } = await service({ handshakes: 20 });
    const flood = Array.from({ length: 100 }, () => dial(port));
    let closed = 0;
    for (const socket of flood) socket.once("close", () => (closed += 1));
    await expect.poll(() => closed).toBeGreaterThanOrEqual(80);
    expect(failures[0]).toContain("this one was the oldest");
    await servesOthers();
  });

  test("who is connected and calls nothing is sent away, and nobody who calls", async () => {
    const { port, servesOthers } = await service({ idle: 300 });
    const socket = await handshake(port);
    socket.resume();
    await once(socket, "close");
    await servesOthers();
  });

  test("who has begun in time may be silent afterwards as long as it lives", async () => {
    const { port, control } = await service({ handshakeTimeout: 100, plaintext: true });
    using plain = new DeltaCall(port, "plain");
    plain.request({ typeUrl: CLUSTER });
    await plain.response();
    await sleep(300);
    expect(
      control.server
        .status()
        .map(({ proxy }) => proxy)
        .sort(),
    ).toEqual(["good", "plain"]);
  });
});

test.each([true, false])("a connection that goes before it says anything is nobody's fault (plain text: %s)", async (plaintext) => {
  const { port, failures, servesOthers } = await service({ plaintext });
  for (let i = 0; i < 20; i++) {
    const socket = dial(port);
    await once(socket, "connect");
    if (i % 2 === 0) socket.resetAndDestroy();
    else socket.end();
    await once(socket, "close");
  }
  await servesOthers();
  expect(failures).toEqual([]);
});
