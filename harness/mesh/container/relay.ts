/** From a listener to a destination, as `net.Server.listen` and `net.connect` take them. */
export interface Relay {
  readonly from: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly to: { readonly host: string; readonly port: number } | { readonly path: string };
  /** Says whether somebody listens there, and carries nothing: `yes`, or nothing. Default: false. */
  readonly asks?: boolean;
}

/** What the relay prints when it listens everywhere. */
export const RELAYS = "relays";

/**
 * The process that keeps the network of a workload, as a Pod's "pause" container does: it outlives program and sidecar, and lets in and out what cannot go by the network itself. Plain JavaScript, given to another Node.
 */
const SOURCE = `
const net = require("node:net");
const relays = JSON.parse(process.argv[1]);
const listening = relays.map(({ from, to, asks }) => new Promise((resolve) => {
  net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = net.connect({ ...to, allowHalfOpen: true, noDelay: true });
    client.on("error", () => server.destroy()).on("close", () => server.destroy());
    server.on("error", () => client.destroy());
    if (asks) return server.on("connect", () => { client.end("yes"); server.destroy(); });
    server.on("close", () => client.end());
    client.pipe(server);
    server.pipe(client);
  }).listen(from, resolve);
}));
Promise.all(listening).then(() => console.log("${RELAYS}"));
setInterval(() => undefined, 1 << 30);
`;

export function relayCommand(relays: readonly Relay[]): readonly string[] {
  return [process.execPath, "-e", SOURCE, JSON.stringify(relays)];
}
