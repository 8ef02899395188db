import { join } from "node:path";
import fc from "fast-check";
import { Client } from "undici";
import { expect, test } from "vitest";
import { compileFilter } from "../../filters/testing/assembly.ts";
import {
  binaryProvider,
  connectionManager,
  envoyTarget,
  httpWasm,
  listener,
  stringValue,
  typed,
  type Extension,
} from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";

// The filter `fault` against Envoy's own, in one Envoy: what the same configuration does to the same requests.

const ALWAYS = { value: 100 };
const NEVER = { value: 0 };
const hundred = { numerator: 100, denominator: "HUNDRED" };
const none = { numerator: 0, denominator: "HUNDRED" };

/** The same faults, as this filter's rule and as Envoy's HTTPFault. */
const PAIRS: ReadonlyArray<readonly [name: string, rule: object, native: object]> = [
  [
    "what the client asks for",
    { delay: { percentage: ALWAYS, headerDelay: {} }, abort: { percentage: ALWAYS, headerAbort: {} } },
    { delay: { header_delay: {}, percentage: hundred }, abort: { header_abort: {}, percentage: hundred } },
  ],
  [
    "what the client may not ask for",
    { delay: { percentage: NEVER, headerDelay: {} }, abort: { percentage: NEVER, headerAbort: {} } },
    { delay: { header_delay: {}, percentage: none }, abort: { header_abort: {}, percentage: none } },
  ],
  [
    "an HTTP status after a delay",
    { delay: { percentage: ALWAYS, fixedDelay: "20ms" }, abort: { percentage: ALWAYS, httpStatus: 429 } },
    { delay: { fixed_delay: "0.020s", percentage: hundred }, abort: { http_status: 429, percentage: hundred } },
  ],
  ["a gRPC status", { abort: { percentage: ALWAYS, grpcStatus: "UNAVAILABLE" } }, { abort: { grpc_status: 14, percentage: hundred } }],
];

const header = (name: string, values: readonly string[]) =>
  fc.option(fc.constantFrom(...values), { nil: undefined }).map((value) => (value === undefined ? {} : { [name]: value }));
const percentages = ["0", "100", "150", "4294967295", "x", ""];
/** What both understand, and what neither does; not 204, which the SDK sends without its body, even where that would be a message of gRPC. */
const headers = fc
  .tuple(
    header("x-envoy-fault-delay-request", ["20", "x", "", "0x10"]),
    header("x-envoy-fault-delay-request-percentage", percentages),
    header("x-envoy-fault-abort-request", ["200", "400", "401", "403", "404", "429", "500", "502", "503", "504", "599", "199", "600", "x"]),
    header("x-envoy-fault-abort-grpc-request", ["0", "1", "5", "8", "14", "16", "x"]),
    header("x-envoy-fault-abort-request-percentage", percentages),
    header("content-type", ["application/grpc", "application/grpc+proto", "text/plain"]),
  )
  .map((parts) => Object.assign({}, ...parts) as Record<string, string>);

/** What a client sees of it. */
async function seen(client: Client, sent: Record<string, string>): Promise<object> {
  const response = await client.request({ method: "GET", path: "/", headers: sent });
  const body = await response.body.text();
  const { "grpc-status": grpcStatus, "grpc-message": grpcMessage, "content-type": contentType } = response.headers;
  return { status: response.statusCode, body, grpcStatus, grpcMessage, contentType };
}

test("does what Envoy's own filter does", { timeout: 120_000 }, async (context) => {
  await requireTarget(envoyTarget, context);
  const filename = await compileFilter(join(import.meta.dirname, "../../filters/fault/index.ts"));
  const wasm = (rule: object): Extension =>
    httpWasm({
      name: "fault",
      vm_config: { vm_id: "fault", runtime: "envoy.wasm.runtime.v8", code: { local: { filename } } },
      failure_policy: "FAIL_CLOSED",
      configuration: stringValue(JSON.stringify({ rules: [{ name: "all", ...rule }] })),
    });
  const native = (fault: object): Extension => ({ name: "native", typed_config: typed("filters.http.fault.v3.HTTPFault", { ...fault }) });
  const host = { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }] };
  const serve = (name: string, filter: Extension) =>
    listener(name, [{ filters: [connectionManager({ stat_prefix: name }, [filter], [host])] }]);
  const listeners = PAIRS.flatMap(([, rule, fault], i) => [serve(`ours-${i}`, wasm(rule)), serve(`native-${i}`, native(fault))]);
  await using envoy = await binaryProvider.start({ static_resources: { listeners, clusters: [] } });
  const connect = (name: string) => {
    const { host: address, port } = envoy.address(name);
    return new Client(`http://${address}:${port}`);
  };
  const injected = async (prefix: string): Promise<readonly number[]> => {
    const text = await envoy.admin.text("GET", `/stats?filter=^${prefix}fault\\.(delays|aborts)_injected$`);
    return [...text.matchAll(/: (\d+)/g)].map(([, count]) => Number(count));
  };
  for (const [i, [name]] of PAIRS.entries()) {
    const before = await injected("wasmcustom\\.");
    const [ours, theirs] = [connect(`ours-${i}`), connect(`native-${i}`)];
    for (const sent of fc.sample(headers, { seed: 5, numRuns: i === 0 ? 200 : 25 })) {
      const [left, right] = [await seen(ours, sent), await seen(theirs, sent)];
      expect(left, `${name}: ${JSON.stringify(sent)}`).toEqual(right);
    }
    const after = await injected("wasmcustom\\.");
    expect(
      after.map((count, kind) => count - (before[kind] ?? 0)),
      name,
    ).toEqual(await injected(`http\\.native-${i}\\.`));
    await Promise.all([ours.close(), theirs.close()]);
  }
});
