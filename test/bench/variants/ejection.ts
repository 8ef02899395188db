import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import type { HeaderList } from "../../../harness/target/index.ts";
import { TO_LOOPBACK, wasmFilter, type BenchBootstrap, type Json } from "../envoy/bootstrap.ts";
import { built } from "./header-job.ts";
import type { Variant } from "./variant.ts";

const REQUEST: HeaderList = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "reviews"],
  [":path", "/reviews/4711"],
];

const ISTIO = { outlierDetection: { maxEjectionPercent: 100 } };
const rule = (i: number) => ({ name: `rule ${i}`, match: { headers: { [`x-error-${i}`]: {} } } });

/** All go through the router to another listener of the same Envoy, which answers 200 at once. */
export const EJECTION: readonly Variant[] = [
  variant("no-filter", "no filter", async () => []),
  variant("istio", "Istio's `outlierDetection`, the cluster named", configured({ cluster: "loopback", ...ISTIO })),
  variant("read", "the same, the cluster's name read", configured(ISTIO)),
  variant(
    "rules",
    "and 14 rules by headers",
    configured({ cluster: "loopback", ...ISTIO, rules: Array.from({ length: 14 }, (_, i) => rule(i)) }),
  ),
  variant("idle", "no settings for the cluster", configured({ cluster: "loopback" })),
];

function configured(configuration: Json): () => Promise<readonly Json[] | { readonly missing: string }> {
  return async () => {
    const module = await built("dist/filters/ejection.wasm");
    return "missing" in module ? module : [wasmFilter(module.module, { configuration })];
  };
}

function variant(id: string, title: string, filters: () => Promise<readonly Json[] | { readonly missing: string }>): Variant {
  return {
    id,
    title,
    request: REQUEST,
    async prepare(): Promise<BenchBootstrap | { readonly missing: string }> {
      const found = await filters();
      if ("missing" in found) return found;
      return { filters: [], routes: [{ match: { prefix: "/" }, ...TO_LOOPBACK }], loopback: { port: await freePort(), filters: found } };
    },
    check: (counters) =>
      [...counters].some(([name, value]) => name.endsWith("upstream_rq_200") && value > 0) ? undefined : "no upstream answered",
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
