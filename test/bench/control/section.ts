import type { Variant } from "../../../control/xds/server/index.ts";
import { digits, type Section } from "../sections/section.ts";
import { median } from "../statistics.ts";
import { ENDPOINT, ROUTE } from "./resources.ts";
import { BenchMesh } from "./streams.ts";

const CHANGES = [
  { id: "route", title: "one route", typeUrl: ROUTE },
  { id: "endpoint", title: "one endpoint", typeUrl: ENDPOINT },
] as const;

interface Subject {
  readonly id: string;
  readonly title: string;
  readonly program: string;
  readonly variant: Variant;
}

const SUBJECTS: readonly Subject[] = [
  { id: "delta", title: "incremental", program: "serve.ts", variant: "delta" },
  { id: "sotw", title: "state of the world", program: "serve.ts", variant: "sotw" },
  { id: "floor", title: "prepared bytes", program: "floor.ts", variant: "delta" },
];

/** Streams and services of each run. */
const SIZES = [
  [1, 500],
  [100, 500],
  [1000, 50],
  [1000, 500],
] as const;

/** The xDS server alone, from a push to the last ACK: what a change costs once it is translated. */
export const xdsServer: Section = {
  id: "xds",
  title: "xDS server",
  text: "From a push of one changed resource to the ACK of 99 of 100 streams, the CPU of the service and the bytes sent; the first configuration of proxies that connect at once, and the memory that they leave resident. `prepared bytes` is a server on the same library that keeps no state and only writes what was encoded before.",
  async run({ rounds, progress }) {
    const figures: Record<string, number> = {};
    const rows: string[][] = [];
    for (const [streams, services] of SIZES) {
      for (const subject of SUBJECTS) {
        const key = `${subject.id}@${streams}x${services}`;
        using mesh = await BenchMesh.start(subject.program, subject.variant, streams, services);
        const cells: string[] = [];
        for (const { id, typeUrl } of CHANGES) {
          const runs = [];
          for (let round = 0; round < rounds; round++) runs.push(await mesh.change(typeUrl, round % services));
          const p99 = (figures[`${key}/${id}/p99`] = median(runs.map((run) => run.p99)));
          const cpu = (figures[`${key}/${id}/cpu`] = median(runs.map((run) => run.cpu)));
          const bytes = (figures[`${key}/${id}/bytes`] = median(runs.map((run) => run.bytes)));
          cells.push(`${digits(p99, 0)} ms, ${digits(cpu, 3)} s, ${digits(bytes / 1e6, 2)} MB`);
          figures[`${key}/resident`] = Math.max(...runs.map((run) => run.resident));
        }
        figures[`${key}/first`] = mesh.first.milliseconds;
        const resident = digits((figures[`${key}/resident`] ?? NaN) / 1e6, 0);
        rows.push([
          `${streams} streams, ${services} services, ${subject.title}`,
          ...cells,
          `${digits(mesh.first.milliseconds, 0)} ms, ${digits(mesh.first.cpu, 1)} s`,
          resident,
        ]);
        progress(`${key}: ${rows.at(-1)?.slice(1).join("; ") ?? ""}`);
      }
    }
    return {
      effort: `${rounds} changes each`,
      columns: ["", ...CHANGES.map(({ title }) => title), "first configuration", "resident, MB"],
      rows,
      figures,
      missing: [],
    };
  },
};
