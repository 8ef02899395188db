import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecure } from "node:https";
import type { AddressInfo } from "node:net";
import { rootCertificates } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { identityOf } from "../../harness/envoy/chain/certificates.ts";
import { fetchDocument, MOST_BYTES } from "./document.ts";

const identity = identityOf("localhost");

/** The port of a server of documents. */
async function serve(answer: RequestListener, secure = false): Promise<number> {
  const server = secure ? createSecure({ cert: identity.certificate, key: identity.key }, answer) : createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const nowhere = () => undefined;
const options = { timeout: 5_000, locate: nowhere, authorities: () => identity.authority };

test("gives what a server answers", async () => {
  const port = await serve((request, response) => response.end(`${request.headers.host ?? ""} ${request.url ?? ""}`));
  expect(await fetchDocument(`http://127.0.0.1:${port}/a?b=c`, options)).toBe(`127.0.0.1:${port} /a?b=c`);
});

test("finds hosts of the mesh where the mesh has them", async () => {
  const port = await serve((request, response) => response.end(request.headers.host));
  const locate = (host: string, number: number) => (host === "jwt.test" && number === 80 ? { address: "127.0.0.1", port } : undefined);
  expect(await fetchDocument("http://jwt.test/", { ...options, locate })).toBe("jwt.test");
});

test("trusts the server that proves to be the host, and no other", async () => {
  const port = await serve((_, response) => response.end("document"), true);
  const locate = () => ({ address: "127.0.0.1", port });
  expect(await fetchDocument(`https://localhost:${port}/`, options)).toBe("document");
  await expect(fetchDocument(`https://other.test:${port}/`, { ...options, locate })).rejects.toThrow(/altnames/i);
  await expect(fetchDocument(`https://localhost:${port}/`, { ...options, authorities: () => rootCertificates[0] ?? "" })).rejects.toThrow();
});

test("follows no redirect, and takes nothing but 200", async () => {
  const port = await serve((request, response) => response.writeHead(request.url === "/" ? 302 : 404, { location: "/elsewhere" }).end());
  await expect(fetchDocument(`http://127.0.0.1:${port}/`, options)).rejects.toThrow("status 302");
  await expect(fetchDocument(`http://127.0.0.1:${port}/none`, options)).rejects.toThrow("status 404");
});

test("takes no document without an end, in bytes or in time", async () => {
  const port = await serve((request, response) => {
    response.writeHead(200);
    if (request.url === "/slow") response.write("{");
    else for (let sent = 0; sent <= MOST_BYTES; sent += 65_536) response.write("x".repeat(65_536));
  });
  await expect(fetchDocument(`http://127.0.0.1:${port}/large`, options)).rejects.toThrow("more than 262144 bytes");
  await expect(fetchDocument(`http://127.0.0.1:${port}/slow`, { ...options, timeout: 200 })).rejects.toThrow("no answer within 200 ms");
});

test("says that nobody is there", async () => {
  await expect(fetchDocument("http://127.0.0.1:1/", options)).rejects.toThrow("ECONNREFUSED");
});
