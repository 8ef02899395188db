import { createServer } from "node:net";

/**
 * Ports of tests lie below those that Linux gives to connections that go out (32,768 and up), of which a busy machine has many: one of those could be taken before an Envoy listens on it. Each worker of
 * vitest has a range of its own, because two that ask at once would both be told that a port is free.
 */
const FIRST = 18_000;
const EACH = 1000;
const WORKERS = 10;

const first = FIRST + (Number(process.env["VITEST_POOL_ID"] ?? 0) % WORKERS) * EACH;
let next = Math.floor(Math.random() * EACH);

/** A port that nobody listened on a moment ago, on any address, and that nobody else in this process was given. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < EACH; tried++) {
    const port = first + (next++ % EACH);
    if (await isFree(port)) return port;
  }
  throw new Error(`all of the ports ${first} to ${first + EACH - 1} are taken: end what listens there`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
