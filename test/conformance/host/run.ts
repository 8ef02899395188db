import { probeFilter } from "../../../harness/host/testing/scripted-filter.ts";
import type { ExchangeRequest, FilterSpec } from "../../../harness/target/index.ts";
import { comparable, firstOfEach, instanceWith, readCallbacks, type Callback } from "./observed.ts";
import { envoyOthers, hostOthers, type OtherMessages } from "./other-stages.ts";
import { PROBES, program, ROOT_CALLBACKS as ROOT } from "./probes.ts";
import { envoyStage, hostStage, type Stage } from "./stage.ts";
import { missingIn } from "./versions.ts";

/** What each callback saw when it came first, by situation. */
export type Run = Readonly<Record<Situation, ReadonlyMap<string, Callback>>>;

/** A request over HTTP, a TCP connection, and a configuration that is replaced. */
export type Situation = "http" | "tcp" | "update";

/** Something in which the host and an Envoy differ. */
export interface Difference {
  readonly hostcall: string;
  readonly what: string;
  readonly kind: "valid" | "wrong";
  readonly host: string;
  readonly envoy: string;
  /** As `http.request_headers`. */
  readonly callbacks: readonly string[];
}

/** The callbacks that must come in each situation, the one first that only the instance sees which is looked at. */
export const CALLBACKS: Readonly<Record<Situation, readonly string[]>> = {
  http: [
    ...["request_headers", "request_body", "request_trailers", "response_headers", "response_body", "response_trailers"],
    ...["create", "log", "done", "delete", ...ROOT],
  ],
  tcp: [
    ...["new_connection", "downstream_data", "upstream_data", "upstream_connection_close", "downstream_connection_close"],
    ...["create", "done", "log", "delete", ...ROOT],
  ],
  update: ["root_delete", "root_done", ...ROOT],
};

const REQUEST: ExchangeRequest = {
  path: "/p?q=1",
  method: "POST",
  protocol: "h2",
  headers: [
    ["x-h", "h"],
    ["user-agent", "ua"],
  ],
  body: "request body",
  trailers: [["x-h", "t"]],
  response: {
    headers: [
      ["x-h", "r"],
      ["x-r", "r"],
    ],
    body: "response body",
    trailers: [["x-h", "rt"]],
    // Until then there has been a tick.
    delay: 300,
  },
};

/** The filter that makes the probes, as far as a version of Envoy has the hostcalls. */
export async function probingFilter(version: string): Promise<FilterSpec> {
  const missing = missingIn(version);
  const module = await probeFilter(missing.size === 0 ? "index" : "older");
  return { name: "probe", module, rootId: "root", configuration: "plugin", vmConfiguration: program(PROBES, missing) };
}

export async function runInHost(filter: FilterSpec): Promise<Run> {
  await using stage = await hostStage([filter]);
  await stage.send(REQUEST);
  return { http: seen("http", await stage.messages()), ...others(await hostOthers(filter)) };
}

export async function runInEnvoy(filter: FilterSpec): Promise<Run> {
  await using stage = await envoyStage([filter]);
  await stage.send(REQUEST);
  const http = await complete(stage);
  return { http, ...others(await envoyOthers(filter, { configured: isConfigured, done: isComplete })) };
}

/** Every callback comes in the end: ticks and answers on a busy machine later. */
async function complete(stage: Stage): Promise<ReadonlyMap<string, Callback>> {
  const end = Date.now() + 20_000;
  for (;;) {
    const http = seen("http", await stage.messages());
    if (hasAll("http", http) || Date.now() > end) return http;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The instances that see updates: those of the main thread and of the worker. */
const INSTANCES = 2;

function isConfigured({ update }: OtherMessages): boolean {
  const instances = [...readCallbacks(update).values()].map(firstOfEach);
  return instances.filter((callbacks) => ROOT.every((name) => callbacks.get(name)?.ended === true)).length >= INSTANCES;
}

function isComplete({ tcp, update }: OtherMessages): boolean {
  return hasAll("tcp", seen("tcp", tcp)) && hasAll("update", seen("update", update));
}

function others({ tcp, update }: OtherMessages): Omit<Run, "http"> {
  return { tcp: seen("tcp", tcp), update: seen("update", update) };
}

function seen(situation: Situation, messages: readonly string[]): ReadonlyMap<string, Callback> {
  return firstOfEach(instanceWith(readCallbacks(messages), CALLBACKS[situation][0] ?? ""));
}

/** Each has begun and ended. */
function hasAll(situation: Situation, callbacks: ReadonlyMap<string, Callback>): boolean {
  return CALLBACKS[situation].every((name) => callbacks.get(name)?.ended === true);
}

/** Where two runs differ: what callbacks were called with, and what came of each probe. */
export function differences(host: Run, envoy: Run): Difference[] {
  const found = new Map<string, Difference & { callbacks: string[] }>();
  const note = (difference: Omit<Difference, "callbacks">, callback: string) => {
    const key = JSON.stringify(difference);
    const known = found.get(key) ?? { ...difference, callbacks: [] };
    found.set(key, known);
    known.callbacks.push(callback);
  };
  for (const situation of ["http", "tcp", "update"] as const) {
    for (const name of CALLBACKS[situation]) {
      const [ours, theirs] = [host[situation].get(name), envoy[situation].get(name)];
      const [a, b] = [ours?.words ?? "not called", theirs?.words ?? "not called"];
      if (a !== b) note({ hostcall: "-", what: `${name} is called with`, kind: "valid", host: a, envoy: b }, `${situation}.${name}`);
      for (const [index, probe] of PROBES.entries()) {
        const left = comparable(probe, name, ours?.results.get(index) ?? "");
        const right = comparable(probe, name, theirs?.results.get(index) ?? "");
        const { hostcall, what, kind } = probe;
        if (left !== right) note({ hostcall, what, kind, host: left, envoy: right }, `${situation}.${name}`);
      }
    }
  }
  return [...found.values()];
}
