// Measures what hostcalls cost in real Envoy, and writes the list that `meshwright trace` and `profile` price calls by:
//
//   node test/bench/prices/main.ts
//
// Needs clang with wasm-ld, and a core that is otherwise idle. Each hostcall is timed in the guest (index.c), in fresh Envoys; the list has the medians.

import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { envoyTarget } from "../../../harness/index.ts";
import { envoyBinary } from "../../../harness/envoy/binary.ts";
import prices from "../../../harness/host/trace/prices.json" with { type: "json" };
import { build } from "../../foreign/build.ts";
import { c } from "../../foreign/c.ts";

const ENVOYS = 7;
const LONG = 8192;
const SHORT = 16;
const list = fileURLToPath(new URL("../../../harness/host/trace/prices.json", import.meta.url));

const built = await build(c("bench-prices", join(import.meta.dirname, "index.c")));
if ("missing" in built) throw new Error(built.missing);
const measured = new Map<string, number[]>();
for (let i = 0; i < ENVOYS; i++) {
  await using envoy = await envoyTarget.start({ filters: [{ name: "prices", module: built.module, configuration: "0123456789abcdef" }] });
  // The second request runs what V8 has compiled for good.
  let answer = await envoy.send({ path: "/", headers: [["x-user", "0123456789abcdef"]] });
  answer = await envoy.send({ path: "/", headers: [["x-user", "0123456789abcdef"]] });
  const body = answer.response?.body;
  if (typeof body !== "string") throw new Error(`the module answered ${answer.status} ${answer.details}`);
  for (const line of body.trim().split("\n")) {
    const [name = "", hundredths] = line.split(" ");
    measured.set(name, [...(measured.get(name) ?? []), Number(hundredths) / 100]);
  }
}
const median = (name: string) => measured.get(name)?.toSorted((a, b) => a - b)[Math.floor(ENVOYS / 2)] ?? 0;
const hostcalls = [...measured.keys()].filter((name) => name !== "byte").toSorted();
const { version } = await envoyBinary();
const content = {
  ...prices,
  measured: new Date().toISOString().slice(0, 10),
  envoy: version,
  machine: cpus()[0]?.model ?? "",
  nanosecondsOfAByte: Number(((median("byte") - median("proxy_get_shared_data")) / (LONG - SHORT)).toFixed(3)),
  hostcalls: Object.fromEntries(hostcalls.map((name) => [name, Math.round(median(name))])),
};
await writeFile(list, `${JSON.stringify(content, undefined, 2)}\n`);
console.log(content);
