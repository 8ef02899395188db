import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { envoyTarget } from "../../../harness/envoy/index.ts";
import { requireTarget } from "../../../harness/scenario/require-target.ts";
import { compare } from "../index.ts";

const example = fileURLToPath(new URL("../../../docs/examples", import.meta.url));
const PAGE = "sidecar~10.0.0.9~productpage-v1.default~default.svc.cluster.local";

/** Here a few; `npm run soak` runs as many as a log has. */
const COUNT = Number(process.env["MESHWRIGHT_DIFF_REQUESTS"] ?? 1_000);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-diff-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

// What is measured is written down and not asserted: machines differ.
test(`${COUNT.toLocaleString("en")} requests, no two alike`, { timeout: 900_000 }, async (context) => {
  await requireTarget(envoyTarget, context);
  const file = join(folder, "access.log");
  const entry = {
    start_time: "2026-01-31T12:00:00.000Z",
    method: "GET",
    authority: "reviews:9080",
    protocol: "HTTP/1.1",
    response_code: 200,
    response_flags: "-",
  };
  const lines = Array.from({ length: COUNT }, (_, index) =>
    JSON.stringify({
      ...entry,
      path: `/reviews/${index}`,
      downstream_remote_address: `10.0.0.9:${30_000 + (index % 20_000)}`,
      "end-user": index % 4 === 0 ? "tester" : "ann",
    }),
  );
  await writeFile(file, lines.join("\n"));
  const started = performance.now();
  const { report } = await compare({
    file: [join(example, "mesh.next")],
    against: [join(example, "mesh")],
    admin: "",
    logHeader: [],
    cluster: [],
    proxy: [PAGE],
    requests: file,
  });
  const seconds = (performance.now() - started) / 1_000;
  await context.annotate(`${Math.round(COUNT / seconds)} requests a second, on both sides each; ${seconds.toFixed(1)} s in all`);
  expect(report.requests).toMatchObject({ total: COUNT, distinct: COUNT, changed: COUNT, broken: { count: 0 }, failed: { count: 0 } });
  expect(report.requests?.groups.map(({ aspect, count }) => [aspect, count])).toEqual([
    ["routed", COUNT - Math.ceil(COUNT / 4)],
    ["routed", Math.ceil(COUNT / 4)],
  ]);
});
