import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Cores, pin } from "../envoy/cores.ts";
import { digits, type Section } from "../sections/section.ts";
import { median } from "../statistics.ts";
import { ConnectedProxies, type Convergence, type Subscriptions } from "./connected-proxies.ts";
import { buildGoControlPlane } from "./go-control-plane.ts";
import { type MeshEdit, MeshFiles } from "./mesh-files.ts";
import { PreparedMesh } from "./prepared-mesh.ts";
import { PreparedProcess } from "./prepared-process.ts";
import { ServiceProcess } from "./service-process.ts";
import type { Contender } from "./subject.ts";

type Edit = Exclude<MeshEdit, "policy">;

const EDITS: readonly (readonly [edit: Edit, title: string])[] = [
  ["weight", "one route weight"],
  ["match", "one match"],
  ["endpoint", "one endpoint"],
];

/** Streams and services of each run. */
const SIZES = [
  [1, 50],
  [1, 500],
  [100, 50],
  [100, 500],
  [1000, 50],
  [1000, 500],
] as const;

/** Others are slower, and their numbers vary less than they differ. */
const ROUNDS_OF_OTHERS = 3;

const FLOOR = fileURLToPath(new URL("floor.ts", import.meta.url));

export const OURS: readonly Contender[] = [
  { id: "delta", title: "incremental", variant: "delta", start: (files) => ServiceProcess.start(files) },
  { id: "sotw", title: "state of the world", variant: "sotw", start: (files) => ServiceProcess.start(files) },
];

/** What serves resources that are translated already, from a program. */
function prepared(id: string, title: string, variant: Contender["variant"], command: string, parameters: readonly string[]): Contender {
  const start = async ({ services }: MeshFiles) => PreparedProcess.start(command, parameters, await PreparedMesh.of(services));
  return { id, title, variant, rounds: ROUNDS_OF_OTHERS, start };
}

export const THE_FLOOR = prepared("floor", "floor", "delta", process.execPath, [FLOOR]);

/** @param program of {@link buildGoControlPlane} */
export function peersOf(program: string): readonly Contender[] {
  return [
    prepared("go-control-plane", "go-control-plane, incremental", "delta", program, []),
    prepared("go-control-plane-sotw", "go-control-plane, state of the world", "sotw", program, []),
  ];
}

/** The whole control service, from the change of a file to the last ACK, beside those that are told what to send. */
export const controlService: Section = {
  id: "control",
  title: "Control service",
  text: "From the moment at which a changed file of YAML is in its place to the ACK of 99 of 100 proxies (ADS, a connection each, on the same machine), the CPU that the service spent, and what each proxy was sent; the first configuration of proxies that connect at once, and the memory that they leave resident. go-control-plane and the floor get the same resources, translated, and their time begins when they are told of a change: go-control-plane 0.14 puts it into a snapshot; the floor is a server on our library for gRPC that keeps no state and only writes bytes.",
  async run({ rounds, cores, progress }) {
    await using _free = await onBothCores(cores);
    const figures: Record<string, number> = {};
    const rows: string[][] = [];
    const peer = await buildGoControlPlane();
    const contenders = [...OURS, ...("missing" in peer ? [] : peersOf(peer.program)), THE_FLOOR];
    for (const [streams, services] of SIZES) {
      const names = (await PreparedMesh.of(services)).names();
      for (const contender of contenders) {
        const key = `${contender.id}@${streams}x${services}`;
        const measured = await measure(contender, names, streams, services, Math.min(rounds, contender.rounds ?? rounds));
        for (const [figure, { p99, cpu, bytes }] of Object.entries(measured.by)) {
          figures[`${key}/${figure}/p99`] = p99;
          figures[`${key}/${figure}/cpu`] = cpu;
          figures[`${key}/${figure}/bytes`] = bytes;
        }
        figures[`${key}/resident`] = measured.resident;
        const cells = Object.values(measured.by).map(describe);
        rows.push([`${streams} × ${services}, ${contender.title}`, ...cells, digits(measured.resident / 1e6, 0)]);
        progress(rows.at(-1)?.join("; ") ?? "");
      }
    }
    return {
      effort: `${rounds} changes each, ${Math.min(rounds, ROUNDS_OF_OTHERS)} of go-control-plane and the floor`,
      columns: ["proxies × services", ...EDITS.map(([, title]) => title), "first configuration", "resident, MB"],
      rows,
      figures,
      missing: "missing" in peer ? [peer.missing] : [],
    };
  },
};

/** Lets this process and what it starts run on both cores, as a service and its clients do, until it is disposed of: otherwise the one of the clients is all they have. */
export async function onBothCores(cores: Cores | undefined): Promise<AsyncDisposable> {
  if (cores !== undefined) await pin(process.pid, cores.envoy, cores.client);
  return {
    async [Symbol.asyncDispose]() {
      if (cores !== undefined) await pin(process.pid, cores.client);
    },
  };
}

/** What every edit takes, and the first configuration. */
export async function measure(
  { start, variant }: Contender,
  names: Subscriptions,
  streams: number,
  services: number,
  rounds: number,
): Promise<{ readonly by: Readonly<Record<Edit | "first", Convergence>>; readonly resident: number }> {
  const folder = await mkdtemp(join(tmpdir(), "bench-mesh-"));
  try {
    await using subject = await start(await MeshFiles.write(folder, services));
    const { proxies, first } = await ConnectedProxies.connect(subject, names, streams, variant);
    using connected = proxies;
    let generation = 0;
    const after = async (edit: Edit): Promise<Convergence> => {
      const runs: Convergence[] = [];
      for (let round = 0; round < rounds; round++) runs.push(await connected.edit(edit, round % services, ++generation));
      const of = (figure: keyof Convergence) => median(runs.map((run) => run[figure]));
      return { p99: of("p99"), cpu: of("cpu"), bytes: of("bytes") };
    };
    const by = { weight: await after("weight"), match: await after("match"), endpoint: await after("endpoint"), first };
    return { by, resident: subject.process.resident };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function describe({ p99, cpu, bytes }: Convergence): string {
  return `${digits(p99, 0)} ms, ${digits(cpu, 3)} s, ${bytes < 1e5 ? `${digits(bytes / 1e3, 1)} kB` : `${digits(bytes / 1e6, 2)} MB`}`;
}
