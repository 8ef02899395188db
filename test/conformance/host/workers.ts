import { Agent, request } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { logPrefixes, pluginConfig } from "../../../harness/envoy/chain/plugin.ts";
import { binaryProvider, connectionManager, httpWasm, listener, type StartedEnvoy } from "../../../harness/envoy/index.ts";
import { Host, ManualClock, type FilterChain } from "../../../harness/host/index.ts";
import { scriptedFilter } from "../../../harness/host/testing/scripted-filter.ts";
import { lines } from "../../../harness/host/testing/scripted-host.ts";
import { CONNECTION_MANAGER, type FilterSpec } from "../../../harness/target/index.ts";

/** One of two workers: that of the first connection, and that of the second. */
export type WorkerName = "a" | "b";

/** A request through a worker, and the lines that it carries out at its headers. */
export type WorkerStep = readonly [worker: WorkerName, ...commands: readonly string[]];

/** What the VM of each worker logged from the first step on, in its own order: that between two threads is nobody's. */
export type WorkerLogs = Readonly<Record<WorkerName, readonly string[]>>;

/** Milliseconds: Envoy's `reload_config.backoff.base_interval`; the back-off is up to half as much again. */
const RELOAD_INTERVAL = 10;
/** Milliseconds that pass before each step: more than any back-off. */
const PAUSE = 20;
/** Milliseconds for which Envoy may take to log what the host logged; less once something differs. */
const PATIENCE = 5_000;
const IMPATIENCE = 200;

/** A plugin whose VMs share a `vm_id`, and who takes what is in the first queue when it is told. */
async function sharingFilter(): Promise<FilterSpec> {
  return {
    name: "sharing",
    vmId: "shared",
    module: await scriptedFilter(),
    failurePolicy: "FAIL_RELOAD",
    configuration: lines("trace: on\nqueue_ready: dequeue 1\nqueue_ready: dequeue 1"),
  };
}

const scriptOf = (commands: readonly string[]) => commands.map((command) => `request_headers: ${command}`).join(";");

/** Tells the VMs of the two workers apart by the name that each puts before its lines: the one in which a request through a worker is made. */
class Attribution {
  private readonly workers = new Map<string, WorkerName>();

  /** Takes the lines that a step brought. */
  learn(worker: WorkerName, messages: readonly string[]): void {
    for (const message of messages) {
      const name = /^(@\d+) > create$/.exec(message)?.[1];
      if (name !== undefined && !this.workers.has(name)) this.workers.set(name, worker);
    }
  }

  /** Results of hostcalls and events of queues; the other callbacks are compared elsewhere. */
  split(messages: readonly string[]): WorkerLogs {
    const logs: Record<WorkerName, string[]> = { a: [], b: [] };
    for (const message of messages) {
      const [, name = "", text = ""] = /^(@\d+) (.*)$/s.exec(message) ?? [];
      const worker = this.workers.get(name);
      if (worker !== undefined && (text === "> queue_ready" || !text.startsWith(">"))) logs[worker].push(text);
    }
    return logs;
  }
}

/** Never says the same time twice: each VM is named by that of its first line. */
class RunningClock extends ManualClock {
  private readings = 0n;

  override now(): bigint {
    return super.now() + this.readings++;
  }
}

/** Does the steps in a host of two workers; the logs behind each. */
export async function workersInHost(steps: readonly WorkerStep[]): Promise<WorkerLogs[]> {
  const names = new Attribution();
  const host = new Host({ clock: new RunningClock(), logLevel: "debug", instances: { workers: 2 } });
  const plugin = host.load({ ...(await sharingFilter()), reloadBaseInterval: RELOAD_INTERVAL });
  const [a, b] = host.workers.map((worker) => host.chain([plugin], { worker }));
  const chains: Readonly<Record<WorkerName, FilterChain | undefined>> = { a, b };
  const messages = () => host.logs.lines.filter(({ source }) => source === "filter").map(({ message }) => message);
  return steps.map(([worker, ...commands]) => {
    const first = messages().length;
    host.advance(PAUSE);
    const stream = chains[worker]?.request({ path: "/", headers: [["x-script", scriptOf(commands)]] });
    if (stream?.state === "forwarded") stream.respond();
    names.learn(worker, messages().slice(first));
    return names.split(messages());
  });
}

/** Does the steps in an Envoy of two workers, each waited for until it is what `expected` says. */
export async function workersInEnvoy(steps: readonly WorkerStep[], expected: readonly WorkerLogs[]): Promise<WorkerLogs[]> {
  const filter = await sharingFilter();
  const config = { ...pluginConfig(filter), reload_config: { backoff: { base_interval: `${RELOAD_INTERVAL / 1000}s` } } };
  const manager = connectionManager(
    CONNECTION_MANAGER,
    [httpWasm(config)],
    [{ name: "default", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }] }],
  );
  await using envoy = await binaryProvider.start(
    {
      node: { id: "workers", cluster: "workers" },
      // The worker with the fewest connections takes the next one.
      static_resources: {
        listeners: [{ ...listener("main", [{ filters: [manager] }]), connection_balance_config: { exact_balance: {} } }],
      },
    },
    { concurrency: 2, componentLogLevels: { wasm: "debug" } },
  );
  const agents: Readonly<Record<WorkerName, Agent>> = {
    a: new Agent({ keepAlive: true, maxSockets: 1 }),
    b: new Agent({ keepAlive: true, maxSockets: 1 }),
  };
  try {
    const names = new Attribution();
    const prefixes = logPrefixes(filter);
    const messages = () => messagesOf(envoy, prefixes);
    let patience = PATIENCE;
    const logs: WorkerLogs[] = [];
    for (const [index, [worker, ...commands]] of steps.entries()) {
      const first = messages().length;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      await get(envoy.address("main"), agents[worker], scriptOf(commands));
      const end = Date.now() + patience;
      for (;;) {
        names.learn(worker, messages().slice(first));
        const found = names.split(messages());
        const same = isDeepStrictEqual(found, expected[index]);
        if (same || Date.now() > end) {
          if (!same) patience = IMPATIENCE;
          logs.push(found);
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
    return logs;
  } finally {
    for (const agent of Object.values(agents)) agent.destroy();
  }
}

function messagesOf(envoy: StartedEnvoy, prefixes: readonly string[]): string[] {
  envoy.log.refresh();
  return envoy.log.entries.flatMap((entry) => {
    if (entry.kind !== "log" || entry.component !== "wasm") return [];
    const prefix = prefixes.find((one) => entry.message.startsWith(one));
    return prefix === undefined ? [] : [entry.message.slice(prefix.length)];
  });
}

/** Resolves when the answer is whole, whatever it is. */
function get({ host, port }: { readonly host: string; readonly port: number }, agent: Agent, script: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, agent, path: "/", headers: { "x-script": script } }, (response) => {
      response.resume();
      response.on("end", resolve);
    });
    sent.on("error", reject);
    sent.end();
  });
}
