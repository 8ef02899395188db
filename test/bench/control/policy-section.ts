import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MODULES_KEY } from "../../../control/model/proxy.ts";
import { readModules } from "../../../cli/proxy/modules.ts";
import { digits, type Section } from "../sections/section.ts";
import { median } from "../statistics.ts";
import { ConnectedProxies, type Convergence } from "./connected-proxies.ts";
import { type MeshEdit, MeshFiles } from "./mesh-files.ts";
import { PreparedMesh } from "./prepared-mesh.ts";
import { onBothCores } from "./section.ts";
import { ServiceProcess } from "./service-process.ts";
import { FILTER } from "./types.ts";

const SERVICES = 50;
const STREAMS = [1, 100, 1000] as const;
/** Of the filters before a workload, which its policies are a part of. */
const INBOUND = "meshwright.mesh/inbound";
const EDITS: readonly (readonly [edit: MeshEdit, title: string])[] = [
  ["policy", "one policy, proved"],
  ["weight", "one route weight"],
];

/** What it takes that the configuration of a filter is loaded into its module before any proxy gets it. */
export const policies: Section = {
  id: "policies",
  title: "A changed policy",
  text: `One AuthorizationPolicy of every workload: from the moment at which its changed file is in its place to the ACK of 99 of 100 proxies, after the module has taken it (proof before push), and the CPU of all threads of the service. Beside it, in the same run, the weight of a route, which asks no module. ${SERVICES} services; proxies have the module beside them.`,
  async run({ rounds, cores, progress }) {
    await using _free = await onBothCores(cores);
    const figures: Record<string, number> = {};
    const rows: string[][] = [];
    for (const streams of STREAMS) {
      const by = await measurePolicies(streams, SERVICES, rounds);
      for (const [edit, { p99, cpu, bytes }] of Object.entries(by)) {
        const key = `${streams}/${edit}`;
        [figures[`${key}/p99`], figures[`${key}/cpu`], figures[`${key}/bytes`]] = [p99, cpu, bytes];
      }
      const ratio = (figures[`${streams}/policy/weight`] = by.policy.p99 / by.weight.p99);
      const cells = [by.policy, by.weight].map(
        ({ p99, cpu, bytes }) => `${digits(p99, 0)} ms, ${digits(cpu, 3)} s, ${digits(bytes / 1e3, 1)} kB`,
      );
      rows.push([`${streams}`, ...cells, digits(ratio, 2)]);
      progress(rows.at(-1)?.join("; ") ?? "");
    }
    const columns = ["proxies", ...EDITS.map(([, title]) => title), "time, of a weight's"];
    return { effort: `median of ${rounds} changes each`, columns, rows, figures, missing: [] };
  },
};

/** The first change of a policy is not counted: with it the thread of proofs starts. */
export async function measurePolicies(
  streams: number,
  services: number,
  rounds: number,
): Promise<{ readonly policy: Convergence; readonly weight: Convergence }> {
  const folder = await mkdtemp(join(tmpdir(), "bench-policies-"));
  try {
    const files = await MeshFiles.write(folder, services);
    await files.change("policy", 0, 0);
    await using subject = await ServiceProcess.start(files);
    const names = { ...(await PreparedMesh.of(services)).names(), [FILTER]: [INBOUND] };
    const modules = Object.entries(await readModules([])).map(([name, { path, sha256 }]) => [name, { path, sha256 }]);
    const metadata = { [MODULES_KEY]: Object.fromEntries(modules) as Record<string, { path: string; sha256: string }> };
    const { proxies } = await ConnectedProxies.connect(subject, names, streams, "delta", metadata);
    using connected = proxies;
    await connected.edit("policy", 0, 1);
    let generation = 1;
    const runs: Record<"policy" | "weight", Convergence[]> = { policy: [], weight: [] };
    for (let round = 0; round < rounds; round++) {
      for (const edit of ["policy", "weight"] as const) runs[edit].push(await connected.edit(edit, round % services, ++generation));
    }
    const of = (edit: "policy" | "weight"): Convergence => {
      const middle = (figure: keyof Convergence) => median(runs[edit].map((run) => run[figure]));
      return { p99: middle("p99"), cpu: middle("cpu"), bytes: middle("bytes") };
    };
    return { policy: of("policy"), weight: of("weight") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
