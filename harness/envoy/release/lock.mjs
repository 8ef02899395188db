import { link, mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const HEARTBEAT = 1_000;
/** Milliseconds without a heartbeat after which the owner counts as dead, also on another machine that shares the folder. */
const ABANDONED = 15_000;
const POLL = 200;

/**
 * Runs `action` while no other process does so with the same `path`. A lock whose owner died is taken over.
 *
 * @template T
 * @param {string} path of the lock file, which exists only meanwhile
 * @param {() => Promise<T>} action
 * @param {(owner: string) => void} [onWait] called once, where another process holds the lock
 * @returns {Promise<T>}
 */
export async function withLock(path, action, onWait) {
  await mkdir(dirname(path), { recursive: true });
  for (let told = false; ;) {
    const owner = await acquire(path);
    if (owner === undefined) break;
    if (await isAbandoned(path, owner)) {
      await rm(path, { force: true });
      continue;
    }
    if (!told) onWait?.(owner);
    told = true;
    await sleep(POLL);
  }
  const heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), HEARTBEAT);
  heartbeat.unref();
  try {
    return await action();
  } finally {
    clearInterval(heartbeat);
    await rm(path, { force: true });
  }
}

/**
 * @param {string} path
 * @returns {Promise<string | undefined>} the owner, where it is another
 */
async function acquire(path) {
  // A link appears with its content, so nobody reads an owner that is half written.
  const own = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  await writeFile(own, `${process.pid}@${hostname()}`);
  try {
    await link(own, path);
    return undefined;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    return await readFile(path, "utf8").catch(() => "");
  } finally {
    await rm(own, { force: true });
  }
}

/**
 * @param {string} path
 * @param {string} owner
 */
async function isAbandoned(path, owner) {
  const [pid, host] = owner.split("@");
  if (host === hostname() && pid !== String(process.pid)) {
    try {
      process.kill(Number(pid), 0);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ESRCH") return true;
    }
  }
  const age = await stat(path).then(
    (found) => Date.now() - found.mtimeMs,
    () => 0,
  );
  return age > ABANDONED;
}
