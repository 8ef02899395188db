// The demo of `npm start`: a bookshop whose programs call each other through Envoys, which the control service configures from YAML.
//
//   npm start [-- --once] [-- --port N] [-- --mesh DIR]
//
// With `--once` it ends after its own visits. Default port: 8080, or a free one where that is taken.

import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { colorsOf } from "../../cli/colors.ts";
import { envoyBinary } from "../../harness/envoy/binary.ts";
import type { ControlLog } from "../../control/log.ts";
import { freePort } from "./place.ts";
import { RunningMesh } from "./running-mesh.ts";
import { refusalOf, Traffic, visit } from "./traffic.ts";

const VISIT_EVERY = 400;
const VISITS_ONCE = 40;
const MESH = fileURLToPath(new URL("mesh", import.meta.url));

const { values } = parseArgs({
  options: {
    once: { type: "boolean", default: false },
    port: { type: "string", default: "8080" },
    mesh: { type: "string", default: MESH },
  },
});
const pc = colorsOf(process.stdout);
const live = process.stdout.isTTY && !values.once;

/** Says something above the line of traffic. */
function say(text: string): void {
  process.stdout.write(live ? `\r\u001b[K${text}\n` : `${text}\n`);
}

/** What an operator wants to see: what changed, and what is wrong. */
const log: ControlLog = {
  info(fields, message) {
    if (message === "configuration changed" && started)
      say(`${pc.green("changed")}: ${String(fields["changed"])} objects, for ${String(fields["proxies"])} Envoys`);
  },
  warn: (fields, message) => say(`${pc.yellow("warning")}: ${place(fields)}${message}`),
  error: (fields, message) => say(`${pc.red("error")}: ${place(fields)}${message}`),
};
let started = false;

function place({ file, line, column, proxy, reason }: Readonly<Record<string, unknown>>): string {
  if (typeof file === "string") return `${relative(process.cwd(), file)}:${String(line)}:${String(column)}: `;
  return proxy === undefined ? "" : `${text(proxy)}: ${text(reason)}: `;
}

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

const stop = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
});

async function main(): Promise<number> {
  const begin = performance.now();
  const { version } = await envoyBinary();
  const port = await freePort(Number(values.port));
  await using mesh = await RunningMesh.start({ mesh: values.mesh, port, adminPort: 0, log });
  const { refused, waiting } = await mesh.settled();
  if (refused.length + waiting.length > 0) {
    console.error(`the Envoys did not take their configuration:\n${JSON.stringify({ refused, waiting }, undefined, 2)}`);
    return 1;
  }
  started = true;
  const url = `http://127.0.0.1:${port}`;
  say(
    `${mesh.envoys.length} Envoys ${version} run in the bookshop, one at the gate and one beside each of ${mesh.places.map(({ name }) => name).join(", ")}; ready after ${((performance.now() - begin) / 1000).toFixed(1)} s.`,
  );
  say(`  the shop       ${pc.bold(`${url}/productpage`)}   ${pc.dim(`as Jason: curl -H 'x-user: jason' ${url}/productpage`)}`);
  say(
    `  the mesh       ${pc.bold(relative(process.cwd(), values.mesh) || ".")}/   ${pc.dim("change the weights in reviews.yaml, and look here")}`,
  );
  await sayWhoIsWho(mesh);
  say(`  its status     ${pc.bold(`npx meshwright status --admin http://127.0.0.1:${mesh.admin.port}`)}`);
  const traffic = new Traffic();
  if (values.once) {
    for (let count = 0; count < VISITS_ONCE; count++) traffic.add(await visit(url));
    say(traffic.line());
    const jason = await visit(url, { "x-user": "jason" });
    say(`jason sees reviews ${jason.reviews}`);
    return 0;
  }
  say(pc.dim("  Ctrl-C ends everything.\n"));
  for (let ended = false; !ended;) {
    traffic.add(await visit(url).catch(() => ({ status: 0, reviews: "none" })));
    if (live) process.stdout.write(`\r\u001b[K${traffic.line()}`);
    const crashed = mesh.envoys.map((envoy) => envoy.exited.then((reason) => `an Envoy ended by itself (${String(reason)})`));
    const outcome = await Promise.race([stop.then(() => "stop"), sleep(VISIT_EVERY, "next"), ...crashed]);
    if (outcome === "next") continue;
    ended = true;
    if (outcome !== "stop") say(pc.red(outcome));
  }
  if (live) process.stdout.write("\n");
  return 0;
}

/** Whom the workloads have proved to be, and that one of them answers nobody who comes in plain text. */
async function sayWhoIsWho(mesh: RunningMesh): Promise<void> {
  const { names, until } = mesh.identities();
  const accounts = names.map((name) => name.slice(name.lastIndexOf("/") + 1));
  const end = new Date(until).toISOString().slice(0, 16).replace("T", " ");
  say(`  identities     ${accounts.join(", ")}: ${pc.dim(`${names[0] ?? ""} and so on, certificates until ${end} UTC`)}`);
  const details = mesh.places.find(({ app }) => app === "details");
  const plain = `http://127.0.0.1:${details?.ingressPort ?? 0}/details/0`;
  const refusal = await refusalOf(plain);
  const outcome = refusal === undefined ? "is answered: plain text is taken" : `is refused (${refusal}): workloads take mTLS alone`;
  say(`  plain text     ${pc.bold(plain)} ${outcome}  ${pc.dim("security.yaml says so")}`);
}

process.exitCode = await main();
