// The demo of `npm start`: the routing filter's own example in a real Envoy, in front of two versions of a service.
//
//   npm start [-- --once] [-- --port N]
//
// With `--once` it ends after its own requests. Default port: 8080, or a free one where that is taken.

import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import pc from "picocolors";
import { parse } from "yaml";
import { binaryProvider, envoyBinary } from "../../harness/envoy/binary.ts";
import type { Bootstrap } from "../../harness/envoy/bootstrap/index.ts";
import type { Entry } from "../../harness/envoy/log.ts";
import { startUpstream, type Upstream } from "../../harness/upstreams/index.ts";
import { filterFiles } from "../../filters/index.ts";

const LOG_DELAY = 2_000;
const HOST = "127.0.0.1";
const LISTENER = "http";
const repository = fileURLToPath(new URL("../..", import.meta.url));
const example = "filters/routing/examples/envoy.yaml";

interface DemoRequest {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Another path, a beta user, and sessions, of which a tenth are sent to v2. */
const REQUESTS: readonly DemoRequest[] = [
  { path: "/" },
  { path: "/reviews/1", headers: { "x-user": "ann-beta" } },
  ...Array.from({ length: 8 }, (_, session) => ({ path: "/reviews/1", headers: { cookie: `session=${session}` } })),
];

/** The example as it stands on disk, with the ports of this machine and the module's absolute path. */
async function bootstrap(port: number, versions: Readonly<Record<string, Upstream>>): Promise<Bootstrap> {
  const text = await readFile(join(repository, example), "utf8");
  return parse(text, (key, value: unknown) => {
    if (key === "filename") return filterFiles("routing").module;
    if (key === "port_value" && value === 8080) return port;
    const upstream = key === "port_value" ? versions[String(value)] : undefined;
    return upstream?.port ?? value;
  }) as Bootstrap;
}

/** 8080 where it is free; any free one else. */
async function choosePort(wanted: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(0));
    probe.listen(wanted, HOST, () => probe.close(() => resolve(wanted)));
  });
}

/** The rule and the reason of a decision that the filter logged; `undefined` for any other line. */
function decision(entry: Entry): string | undefined {
  const text = entry.kind === "log" ? /decision (\{.*\})/.exec(entry.message)?.[1] : undefined;
  if (text === undefined) return undefined;
  const { rule, result, reason } = JSON.parse(text) as { rule: string; result: string; reason: string };
  return `rule ${JSON.stringify(rule)}: ${result} ${reason}`;
}

async function ask(url: string, { path, headers = {} }: DemoRequest): Promise<void> {
  const response = await fetch(`${url}${path}`, { headers });
  const body = (await response.text()).trim();
  const sent = [`GET ${path}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)].join("  ");
  console.log(`  ${sent.padEnd(36)} ${pc.dim("->")} ${response.status} ${body === "reviews v2" ? pc.magenta(body) : pc.cyan(body)}`);
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { once: { type: "boolean", default: false }, port: { type: "string", default: "8080" } } });
  const stop = interrupted();
  const { version } = await envoyBinary();
  await using v1 = await startUpstream({ script: () => ({ body: "reviews v1\n" }) });
  await using v2 = await startUpstream({ script: () => ({ body: "reviews v2\n" }) });
  const configuration = await bootstrap(await choosePort(Number(values.port)), { 9081: v1, 9082: v2 });
  await using envoy = await binaryProvider.start(configuration, { componentLogLevels: { wasm: "debug" } });
  const url = `http://${HOST}:${envoy.address(LISTENER).port}`;

  console.log(`Envoy ${version} listens on ${pc.bold(url)} with the routing filter (${example}).`);
  let shown = 0;
  envoy.log.subscribe((entry) => {
    const text = decision(entry);
    if (text === undefined) return;
    console.log(`    ${pc.dim(text)}`);
    shown++;
  });
  for (const [index, request] of REQUESTS.entries()) {
    await ask(url, request);
    // The log may reach its file a little after the answer reaches the client; both shall stand together.
    for (const end = performance.now() + LOG_DELAY; shown <= index && performance.now() < end; await sleep(5)) envoy.log.refresh();
  }
  if (values.once) return 0;

  console.log(`\nYour turn: ${pc.bold(`curl -H 'x-user: you-beta' ${url}/reviews/1`)}   (Ctrl-C ends)`);
  const watch = setInterval(() => envoy.log.refresh(), 200);
  const ended = await Promise.race([stop, envoy.exited]);
  clearInterval(watch);
  if (ended === undefined) return 0;
  console.error(`Envoy ended by itself (${ended}):\n${envoy.log.reason() ?? "its log says nothing"}`);
  return 1;
}

process.exitCode = await main();
