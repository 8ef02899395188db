import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compileFilter } from "../../filters/testing/assembly.ts";
import { binaryProvider, envoyTarget, type StartedEnvoy } from "../../harness/envoy/index.ts";
import { identityOf } from "../../harness/envoy/chain/certificates.ts";
import { dial } from "../../harness/envoy/client/dial.ts";
import { Http1Connection } from "../../harness/envoy/client/http1.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { comparisonBootstrap } from "./native-rbac/bootstrap.ts";
import { policies, request, TOKENS, undecodable, type GeneratedRequest } from "./native-rbac/generate.ts";

// Generated policies as Istio would hand them to Envoy's RBAC filter, and as they are to ours, side by side in one Envoy: the same requests must get the same
// answers. A soak (scripts/soak.ts) asks for more pairs.

const PAIRS = Number(process.env["MESHWRIGHT_RBAC_PAIRS"] ?? 400);
const REQUESTS = 20;
/** The same in every run of the tests; a soak (scripts/soak.ts) takes another each time. */
const SEED = Number(process.env["MESHWRIGHT_RBAC_SEED"] ?? 1);
/** Configurations in one Envoy. */
const BATCH = 50;

const modules = join(import.meta.dirname, "../../filters/authorization");

/** The status with which the listener answers. */
async function ask(
  envoy: StartedEnvoy,
  listener: string,
  { brokenToken, ...asked }: GeneratedRequest & { readonly brokenToken?: string },
): Promise<number | undefined> {
  const { host, port } = envoy.address(listener);
  const { principal, serverName } = asked;
  const client = identityOf(principal === undefined || principal === "" ? "client" : principal);
  const tls = {
    ca: client.authority,
    ...(principal !== undefined && principal !== "" && { cert: client.certificate, key: client.key }),
    ...(serverName !== undefined && { serverName }),
  };
  const { socket, port: own } = await dial({
    host,
    port,
    source: asked.source,
    destination: `${asked.source.startsWith("[") ? "[fd00::2]" : "10.8.8.8"}:${asked.port}`,
    alpn: ["http/1.1"],
    ...((principal !== undefined || serverName !== undefined) && { tls }),
  });
  const connection = new Http1Connection(socket, own);
  const headers = asked.headers.flatMap(([name, value]) =>
    name === "x-token"
      ? [[name, value] as const, ["x-authentication", JSON.stringify({ claims: TOKENS[Number(value)] })] as const]
      : [[name, value] as const],
  );
  if (brokenToken !== undefined) headers.push(["x-authentication", brokenToken]);
  const answer = await connection.exchange({ ...asked, headers, scheme: "http", pieces: [], streamed: false, trailers: [] });
  connection.close();
  return answer?.status;
}

test(
  `${PAIRS} pairs of policies and requests get the answers of native RBAC (seed ${SEED})`,
  { timeout: 60_000 + PAIRS * 100 },
  async (context) => {
    await requireTarget(envoyTarget, context);
    const module = await compileFilter(join(modules, "index.ts"));
    const handOver = await compileFilter(join(modules, "testing/index.ts"));
    const configurations = fc.sample(policies, { seed: SEED, numRuns: Math.ceil(PAIRS / REQUESTS) });
    const seen = new Map<number | undefined, number>();
    for (let first = 0; first < configurations.length; first += BATCH) {
      const batch = configurations.slice(first, first + BATCH);
      await using envoy = await binaryProvider.start(comparisonBootstrap(batch, { module, handOver }), { startTimeout: 60_000 });
      for (const [i, list] of batch.entries()) {
        for (const asked of fc.sample(request, { seed: SEED + first + i, numRuns: REQUESTS })) {
          const [native, ours] = await Promise.all([ask(envoy, `native-${i}`, asked), ask(envoy, `ours-${i}`, asked)]);
          seen.set(native, (seen.get(native) ?? 0) + 1);
          expect(ours, JSON.stringify({ seed: SEED, asked, list }, undefined, 1)).toBe(native);
        }
      }
    }
    // Neither answer may be rare, or nothing was compared.
    expect(seen.get(200) ?? 0).toBeGreaterThan(PAIRS / 20);
    expect(seen.get(403) ?? 0).toBeGreaterThan(PAIRS / 20);
  },
);

// Native RBAC does not know what it cannot decode: there it may let in what ours denies, never the other way round.
test(
  `${PAIRS} requests that cannot be decoded are let in only where native RBAC does so too (seed ${SEED})`,
  { timeout: 60_000 + PAIRS * 100 },
  async (context) => {
    await requireTarget(envoyTarget, context);
    const module = await compileFilter(join(modules, "index.ts"));
    const handOver = await compileFilter(join(modules, "testing/index.ts"));
    const configurations = fc.sample(policies, { seed: SEED, numRuns: Math.ceil(PAIRS / REQUESTS) });
    let denied = 0;
    for (let first = 0; first < configurations.length; first += BATCH) {
      const batch = configurations.slice(first, first + BATCH);
      await using envoy = await binaryProvider.start(comparisonBootstrap(batch, { module, handOver }), { startTimeout: 60_000 });
      for (const [i, list] of batch.entries()) {
        for (const asked of fc.sample(undecodable, { seed: SEED + first + i, numRuns: REQUESTS })) {
          const [native, ours] = await Promise.all([ask(envoy, `native-${i}`, asked), ask(envoy, `ours-${i}`, asked)]);
          if (native === ours) continue;
          expect([native, ours], JSON.stringify({ seed: SEED, asked, list }, undefined, 1)).toEqual([200, 403]);
          denied++;
        }
      }
    }
    expect(denied).toBeGreaterThan(0);
  },
);
