import { once } from "node:events";
import { ftruncateSync, openSync, writeSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { Link } from "../../faults/index.ts";
import { COUNTS_LENGTH, encodeCounts, type KeeperSpec, KEEPS, type KeptLinks, type Relay, type SetFaults } from "./pod.ts";

// The process that keeps the network of a workload, as a Pod's "pause" container does: it outlives program and sidecar, and lets in and out what cannot go by the network itself.

const { relays, kept } = JSON.parse(process.argv[2] ?? "") as KeeperSpec;
await Promise.all([...relays.map(relay), ...(kept === undefined ? [] : [keep(kept)])]);
console.log(KEEPS);

async function relay({ from, to, asks = false }: Relay): Promise<void> {
  const relaying = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({ ...to, allowHalfOpen: true, noDelay: true });
    client.on("error", () => server.destroy()).on("close", () => server.destroy());
    server.on("error", () => client.destroy());
    if (asks) {
      server.on("connect", () => {
        client.end("yes");
        server.destroy();
      });
      return;
    }
    server.on("close", () => client.end());
    client.pipe(server);
    server.pipe(client);
  });
  await once(relaying.listen(from), "listening");
}

async function keep({ socket, counts, links }: KeptLinks): Promise<void> {
  // Written before what was counted goes on: who has an answer finds it counted.
  const file = openSync(counts, "w");
  ftruncateSync(file, links.length * COUNTS_LENGTH);
  const made = links.map(({ from, to }, index) => {
    const link: Link = new Link({
      ...from,
      to,
      onCount: () => writeSync(file, encodeCounts(link.counts), 0, COUNTS_LENGTH, index * COUNTS_LENGTH),
    });
    return link;
  });
  await Promise.all(made.map((link) => link.heal()));
  const setting = createServer({ allowHalfOpen: true }, (client) => void set(client, made).catch(() => client.destroy()));
  await once(setting.listen(socket), "listening");
}

async function set(client: Socket, links: readonly Link[]): Promise<void> {
  const { link, faults } = JSON.parse(await text(client)) as SetFaults;
  let problem = "";
  await links[link]?.set(faults).catch((error: unknown) => (problem = String(error)));
  client.end(problem);
}
