import { spawn, type ChildProcess } from "node:child_process";
import { hostname } from "node:os";
import { engine } from "./engine.ts";

/** Names the process that a container or network belongs to: `HOST:PID`. */
export const OWNER_LABEL = "io.meshwright.owner";
export const OWNER = `${hostname()}:${process.pid}`;

let swept: Promise<void> | undefined;

/** Once in the life of this process: removes containers and networks whose owner on this machine is gone, and begins to watch over this one's own. */
export function removeLeftovers(): Promise<void> {
  return (swept ??= sweep());
}

async function sweep(): Promise<void> {
  const { dockerode } = (await engine()).container;
  const containers = await dockerode.listContainers({ all: true, filters: { label: [OWNER_LABEL] } });
  for (const { Id, Labels } of containers) {
    if (!isGone(Labels[OWNER_LABEL] ?? "")) continue;
    // Another process may sweep too.
    await dockerode
      .getContainer(Id)
      .remove({ force: true, v: true })
      .catch(() => undefined);
  }
  // Behind the containers that are in them.
  const networks = await dockerode.listNetworks({ filters: { label: [OWNER_LABEL] } });
  for (const { Id, Labels } of networks) {
    if (!isGone(Labels?.[OWNER_LABEL] ?? "")) continue;
    await dockerode
      .getNetwork(Id)
      .remove()
      .catch(() => undefined);
  }
  const socketPath = (dockerode.modem as { readonly socketPath?: string }).socketPath;
  if (socketPath !== undefined) watchOver(socketPath);
}

function isGone(owner: string): boolean {
  const [host, pid] = owner.split(":");
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/**
 * A process that outlives this one, however it ends: when the pipe between them closes, it removes the containers and
 * networks with this owner's label, and ends. Plain JavaScript, given to another Node.
 */
const WATCH = `
const { request } = require("node:http");
const [socketPath, label] = process.argv.slice(1);
const call = (method, path) => new Promise((resolve) => {
  const sent = request({ socketPath, method, path }, (response) => {
    let text = "";
    response.on("data", (chunk) => (text += chunk)).on("end", () => resolve(text)).on("error", () => resolve(""));
  });
  sent.on("error", () => resolve("")).end();
});
process.stdin.resume().on("end", async () => {
  const query = encodeURIComponent(JSON.stringify({ label: [label] }));
  const list = JSON.parse((await call("GET", "/containers/json?all=1&filters=" + query)) || "[]");
  for (const { Id } of list) await call("DELETE", "/containers/" + Id + "?force=1&v=1");
  const networks = JSON.parse((await call("GET", "/networks?filters=" + query)) || "[]");
  for (const { Id } of networks) await call("DELETE", "/networks/" + Id);
});
`;

function watchOver(socketPath: string): ChildProcess {
  const watcher = spawn(process.execPath, ["-e", WATCH, socketPath, `${OWNER_LABEL}=${OWNER}`], {
    // A signal from the terminal is not for it.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  watcher.on("error", () => undefined);
  watcher.unref();
  // The pipe stays open, but does not keep this process alive.
  (watcher.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return watcher;
}
