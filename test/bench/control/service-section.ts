import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digits, type Section } from "../sections/section.ts";
import { median } from "../statistics.ts";
import { ConnectedProxies } from "./connected-proxies.ts";
import { type MeshEdit, MeshFiles } from "./mesh-files.ts";
import { ServiceProcess } from "./service-process.ts";

const EDITS: readonly (readonly [edit: MeshEdit, title: string])[] = [
  ["weight", "one route weight"],
  ["match", "one match"],
  ["endpoint", "one endpoint"],
];

/** Streams and services of each run. */
const SIZES = [
  [1, 500],
  [100, 500],
  [1000, 50],
  [1000, 500],
] as const;

/** The whole control service, from the change of a file to the last ACK. */
export const controlService: Section = {
  id: "control",
  title: "Control service",
  text: "From the moment at which a changed file of YAML is in its place to the ACK of 99 of 100 proxies (delta ADS, a connection each, on the same machine), and the CPU that the service spent; the first configuration of proxies that connect at once, and the memory that they leave resident.",
  async run({ rounds, progress }) {
    const figures: Record<string, number> = {};
    const rows: string[][] = [];
    for (const [streams, services] of SIZES) {
      const folder = await mkdtemp(join(tmpdir(), "bench-mesh-"));
      try {
        const files = await MeshFiles.write(folder, services);
        await using service = await ServiceProcess.start(folder);
        const { proxies, first, cpu } = await ConnectedProxies.connect(service, files, streams);
        using connected = proxies;
        const cells: string[] = [];
        const key = `${streams}x${services}`;
        let generation = 0;
        for (const [edit] of EDITS) {
          const runs = [];
          for (let round = 0; round < rounds; round++) runs.push(await connected.edit(files, edit, round % services, ++generation));
          const p99 = (figures[`${key}/${edit}/p99`] = median(runs.map((run) => run.p99)));
          const spent = (figures[`${key}/${edit}/cpu`] = median(runs.map((run) => run.cpu)));
          cells.push(`${digits(p99, 0)} ms, ${digits(spent, 3)} s`);
        }
        figures[`${key}/first`] = first;
        figures[`${key}/resident`] = service.resident;
        rows.push([
          `${streams} proxies, ${services} services`,
          ...cells,
          `${digits(first, 0)} ms, ${digits(cpu, 1)} s`,
          digits(service.resident / 1e6, 0),
        ]);
        progress(`${key}: ${rows.at(-1)?.slice(1).join("; ") ?? ""}`);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
    return {
      effort: `${rounds} changes each`,
      columns: ["", ...EDITS.map(([, title]) => title), "first configuration", "resident, MB"],
      rows,
      figures,
      missing: [],
    };
  },
};
