import { relative, resolve, sep } from "node:path";
import type { CalloutAnswer, FilterSpec } from "../target/index.ts";
import type { Finding } from "./finding.ts";

export interface ReproductionOptions {
  readonly finding: Finding;
  readonly filter: FilterSpec;
  /** Whether the filter runs in the chain of a cluster. */
  readonly upstream: boolean;
  /** What clusters answer that the filter calls, by name. */
  readonly callouts?: Readonly<Record<string, CalloutAnswer>>;
  readonly seed: number;
  /** Folder of the file, from which the module is named. */
  readonly folder: string;
}

/** Characters of a scenario's title. */
const TITLE = 120;

/** A file that vitest runs: the requests as a scenario, which fails on every target that shows what was found; as a test of the host where they have times. */
export function reproduction({ finding, filter, upstream, callouts = {}, seed, folder }: ReproductionOptions): string {
  const { kind, message, requests } = finding;
  const { module, configuration, ...rest } = filter;
  const path = relative(folder, resolve(module)).split(sep).join("/");
  const text = configuration instanceof Uint8Array ? Buffer.from(configuration).toString("utf8") : configuration;
  const spec = JSON.stringify({ ...rest, ...(text !== undefined && text !== "" && { configuration: text }) });
  const sends = requests.map(
    (request, index) => `  ${index === requests.length - 1 ? "const result = " : ""}await run.send(${JSON.stringify(request)});`,
  );
  // Envoy's clock is the machine's.
  const hostOnly = requests.some(({ time }) => time !== undefined);
  const needs = [
    ...(kind === "state" ? ["inProcessTarget"] : []),
    ...(hostOnly ? ["isolatedTarget"] : []),
    ...(finding.where === "leak" ? ["startTraced"] : []),
  ];
  const title = `${kind}: ${message.split("\n", 1)[0] ?? ""}`.slice(0, TITLE);
  return `// Found by \`meshwright fuzz\` with seed ${seed}: ${kind}${finding.where === "" ? "" : ` (${finding.where})`}.

import { fileURLToPath } from "node:url";
import { expect${hostOnly ? ", test" : ""} } from "vitest";
${needs.length === 0 ? "" : `import { ${needs.join(", ")} } from "meshwright/harness";\n`}${hostOnly ? "" : 'import { scenario } from "meshwright/harness/vitest";\n'}
const module = fileURLToPath(new URL(${JSON.stringify(path)}, import.meta.url));
const filter = { ...${spec}, module };
const chain = { ${upstream ? "filters: [], upstreamFilters: [filter]" : "filters: [filter]"}${calloutsOf(callouts)} };

${
  hostOnly
    ? `// In the host alone, which has the time of each request.
test(${JSON.stringify(title)}, { timeout: 60_000 }, async () => {
  await using run = await isolatedTarget().start(chain);`
    : `scenario(${JSON.stringify(title)}, { chain, timeout: 60_000 }, async (run) => {`
}
${sends.join("\n")}
${expectation(finding, "chain")}
});
`;
}

/** The member of a chain, after a comma; nothing where there are none. */
function calloutsOf(callouts: Readonly<Record<string, CalloutAnswer>>): string {
  const members = Object.entries(callouts).map(([name, answer]) => {
    if (!("status" in answer) || !(answer.body instanceof Uint8Array))
      return `  ${JSON.stringify(name)}: () => (${JSON.stringify(answer)}),`;
    const { body, ...rest } = answer;
    const text = Buffer.from(body).toString("utf8");
    const literal = Buffer.from(text).equals(body)
      ? JSON.stringify(text)
      : `Buffer.from(${JSON.stringify(Buffer.from(body).toString("base64"))}, "base64")`;
    return `  ${JSON.stringify(name)}: () => ({ ...${JSON.stringify(rest)}, body: ${literal} }),`;
  });
  return members.length === 0 ? "" : `, callouts: {\n${members.join("\n")}\n} `;
}

/** What has to hold besides that host and Envoy do the same. */
function expectation({ kind, where, requests }: Finding, chain: string): string {
  const last = JSON.stringify(requests.at(-1));
  if (kind === "state")
    return `  // The same as in a chain that has seen no other request.
  await using alone = await inProcessTarget.start(${chain});
  const { delay: _delay, ...expected } = await alone.send(${last});
  expect(result).toEqual(expected);`;
  if (where === "leak")
    return `  expect(result.details).not.toBe("wasm_fail_stream");
  await using traced = await startTraced(${chain});
  const sizes: number[] = [];
  for (const times of [300, 1_500, 1_500]) {
    for (let i = 0; i < times; i++) await traced.send(${last});
    sizes.push((await traced.trace()).at(-1)?.memory ?? 0);
  }
  // After a while a runtime has the memory that it needs.
  expect(sizes[2]).toBe(sizes[1]);`;
  return `  expect(result.details).not.toBe("wasm_fail_stream"); // a callback trapped
  expect(result.details).not.toBe("stream_idle_timeout"); // nothing let the stream go on`;
}
