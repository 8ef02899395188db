import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const WEB = fileURLToPath(new URL("web.mjs", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** What a request came to: the answer of `web.mjs`, or the code of the error. */
export interface Answer {
  /** The proxies that it passed, in order. */
  readonly via?: readonly string[];
  readonly status?: number;
  /** The header. */
  readonly server?: string;
  /** As the server saw them. */
  readonly local?: string;
  readonly remote?: string;
  readonly error?: string;
}

/** A network namespace with its loopback interface up. */
export class Namespace {
  readonly name: string;
  private readonly children: Array<() => Promise<void>> = [];

  private constructor(name: string) {
    this.name = name;
  }

  static async create(name: string): Promise<Namespace> {
    await run("ip", ["netns", "add", name]);
    await run("ip", ["-n", name, "link", "set", "lo", "up"]);
    return new Namespace(name);
  }

  async ip(...parameters: string[]): Promise<void> {
    await run("ip", ["-n", this.name, ...parameters]);
  }

  /** Runs a command to its end, as a user and a group of the same number. */
  async run(user: number, command: string, ...parameters: string[]): Promise<Ended> {
    const child = this.spawn(user, command, parameters);
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    return { code: child.exitCode, output, errors };
  }

  /** Starts a command; disposing of the namespace ends it. */
  spawn(user: number, command: string, parameters: readonly string[]) {
    const identity = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
    const child = spawn("ip", ["netns", "exec", this.name, ...(user === 0 ? [] : identity), command, ...parameters], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    const closed = once(child, "close");
    this.children.push(async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await closed;
    });
    return child;
  }

  /** A web server on every address. */
  async serve(user: number, port: number): Promise<void> {
    const child = this.spawn(user, process.execPath, [WEB, "serve", String(port)]);
    await Promise.race([once(child.stdout, "data"), once(child, "close").then(() => Promise.reject(new Error("the server ended")))]);
    // Its pipe would fill.
    child.stdout.resume();
    child.stderr.resume();
  }

  /** @param host the Host header. Default: that of the URL */
  async get(user: number, url: string, host?: string): Promise<Answer> {
    const { output, errors } = await this.run(user, process.execPath, WEB, "get", url, ...(host === undefined ? [] : [host]));
    if (output === "") throw new Error(errors);
    return JSON.parse(output) as Answer;
  }

  /** Waits until `url` answers with 200. */
  async waitFor(url: string): Promise<void> {
    for (const end = performance.now() + 20_000; performance.now() < end; await sleep(50)) {
      if ((await this.get(0, url)).status === 200) return;
    }
    throw new Error(`${url} does not answer in ${this.name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.children.map((end) => end()));
    await run("ip", ["netns", "del", this.name]);
  }
}

/** Two namespaces with a cable between: `fd99::1` and 10.99.0.1 are `here`, those with 2 `there`. */
export class Network {
  readonly here: Namespace;
  readonly there: Namespace;

  private constructor(here: Namespace, there: Namespace) {
    this.here = here;
    this.there = there;
  }

  static async create(): Promise<Network> {
    const prefix = `mw-${process.pid}-${Math.random().toString(36).slice(2, 6)}`;
    const network = new Network(await Namespace.create(`${prefix}-a`), await Namespace.create(`${prefix}-b`));
    const { here, there } = network;
    await run("ip", ["link", "add", "eth0", "netns", here.name, "type", "veth", "peer", "name", "eth0", "netns", there.name]);
    for (const [namespace, number] of [[here, 1] as const, [there, 2] as const]) {
      await namespace.ip("address", "add", `10.99.0.${number}/24`, "dev", "eth0");
      await namespace.ip("address", "add", `fd99::${number}/64`, "dev", "eth0", "nodad").catch(() => undefined);
      await namespace.ip("link", "set", "eth0", "up");
    }
    return network;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.here[Symbol.asyncDispose]();
    await this.there[Symbol.asyncDispose]();
  }
}

/** Why namespaces cannot be made on this machine, or rules set in them. */
export async function namespacesUnavailable(commands: readonly string[]): Promise<string | undefined> {
  if (process.platform !== "linux") return "network namespaces are Linux'";
  const name = `mw-probe-${process.pid}`;
  try {
    await run("setpriv", ["--version"]);
    await run("ip", ["netns", "add", name]);
  } catch (error) {
    const { code, stderr = "" } = error as { code?: unknown; stderr?: string };
    if (code === "ENOENT") return "ip or setpriv is not installed: install iproute2 and util-linux";
    return `this user makes no network namespaces (${stderr.trim()}): run as root`;
  }
  try {
    for (const command of commands) {
      await run("ip", ["netns", "exec", name, command, "--version"]).catch(() => Promise.reject(new Error(command)));
    }
    return undefined;
  } catch (error) {
    return `${(error as Error).message} is not installed: install nftables and iptables`;
  } finally {
    await run("ip", ["netns", "del", name]);
  }
}
