import type { SectionResult } from "../sections/section.ts";

/** Results by section id. */
export type Results = Readonly<Record<string, SectionResult>>;

/** A number that the design asks for. */
export interface Target {
  readonly what: string;
  readonly reach: string;
  /** At most, or at least where `atLeast`. */
  readonly limit: number;
  readonly atLeast?: boolean;
  readonly section: string;
  readonly figure: string;
  /**
   * What the hostcalls of the same job come to alone, of the same section: no module that makes them does better. Of memory: what a module in C takes that makes
   * those of the header job.
   */
  readonly floor?: string;
  /** From the figure's unit to that of the limit. Default: 1. */
  readonly scale?: number;
  readonly unit: string;
}

const MIB = 1 / 2 ** 20;
const C = "raw C";

/** What a filter's module may take: memory for each further VM, CPU at its start, and `size` KiB of file. */
function moduleTargets(filter: string, size: number): Target[] {
  const of = (figure: string) => ({ section: "vms", figure: `${filter}/${figure}` });
  return [
    {
      what: `each further VM, \`${filter}\``,
      reach: "at most 3 MiB",
      limit: 3,
      ...of("further"),
      floor: "raw-c/further",
      scale: MIB,
      unit: "MiB",
    },
    { what: `CPU at start, \`${filter}\``, reach: "at most 25 ms", limit: 25, ...of("cpu"), unit: "ms" },
    { what: `size of \`${filter}\``, reach: `under ${size} KB`, limit: size, ...of("size"), scale: 1 / 1024, unit: "KiB" },
  ];
}

/** In the order of the report. Ratios compare what is added to no filter, in the same run. */
export const TARGETS: readonly Target[] = [
  { what: `header job, stateless, of ${C}`, reach: "at most 1.10", limit: 1.1, section: "header-job", figure: "ours/raw-c", unit: "" },
  {
    what: `header job with a stream record, of ${C}`,
    reach: "at most 1.20",
    limit: 1.2,
    section: "header-job",
    figure: "ours-stateful/raw-c",
    unit: "",
  },
  { what: "header job, of the Rust crate", reach: "at most 0.75", limit: 0.75, section: "header-job", figure: "ours/rust", unit: "" },
  { what: "header job, of Lua", reach: "at most 1", limit: 1, section: "header-job", figure: "ours/lua", unit: "" },
  {
    what: "header job, of `proxy-wasm-sdk-as`",
    reach: "at most 0.40",
    limit: 0.4,
    section: "header-job",
    figure: "ours/proxy-wasm-sdk-as",
    unit: "",
  },
  {
    what: "the same with 500 open streams",
    reach: "at most 0.17",
    limit: 0.17,
    section: "live-streams",
    figure: "ours/proxy-wasm-sdk-as@500",
    unit: "",
  },
  {
    what: "growth from 0 to 500 open streams",
    reach: "at most 1.10",
    limit: 1.1,
    section: "live-streams",
    figure: "ours/growth",
    unit: "",
  },
  {
    what: "the same with a stream record",
    reach: "at most 1.10",
    limit: 1.1,
    section: "live-streams",
    figure: "ours-stateful/growth",
    unit: "",
  },
  {
    what: "`routing` with 1,000 rules, of 1 rule",
    reach: "at most 1.5",
    limit: 1.5,
    section: "routing",
    figure: "routing-1000/routing-1",
    unit: "",
  },
  {
    what: "`routing` with 1,000 rules, of 1,000 native routes",
    reach: "below 1",
    limit: 1,
    section: "routing",
    figure: "routing-1000/native-1000",
    unit: "",
  },
  {
    what: "`authorization` with 1,000 rules, of 1 rule",
    reach: "at most 2",
    limit: 2,
    section: "authorization",
    figure: "ours-prefix-1000/ours-prefix-1",
    unit: "",
  },
  {
    what: "`authorization` with 1,000 rules, of native `rbac` with as many",
    reach: "below 1",
    limit: 1,
    section: "authorization",
    figure: "ours-prefix-1000/native",
    unit: "",
  },
  {
    what: "`authentication`, a token seen before, added",
    reach: "at most 5 µs",
    limit: 5,
    section: "authentication",
    figure: "ours@seen",
    floor: "floor@seen",
    unit: "µs",
  },
  {
    what: "`authentication`, a new token, added beyond `verify_signature`",
    reach: "at most 10 µs",
    limit: 10,
    section: "authentication",
    figure: "ours@new-verification",
    floor: "floor@new-verification",
    unit: "µs",
  },
  {
    what: "`ejection` in the upstream chain, on good answers, added",
    reach: "at most 3 µs",
    limit: 3,
    section: "ejection",
    figure: "istio",
    floor: "floor",
    unit: "µs",
  },
  {
    what: `\`mesh\` with six filters, of ${C}`,
    reach: "at most 2.5",
    limit: 2.5,
    section: "mesh",
    figure: "mesh/raw-c",
    floor: "floor/raw-c",
    unit: "",
  },
  {
    what: "one more filter inside `mesh`, the dearest",
    reach: "at most 1 µs",
    limit: 1,
    section: "mesh",
    figure: "further",
    floor: "floor-further",
    unit: "µs",
  },
  {
    what: "`mesh` with every filter, throughput of that without",
    reach: "at least 0.80",
    limit: 0.8,
    atLeast: true,
    section: "throughput",
    figure: "mesh/no-filter",
    floor: "floor/no-filter",
    unit: "",
  },
  { what: "memory of a request, stateless", reach: "below 0.1 B", limit: 0.1, section: "memory", figure: "ours", unit: "B" },
  {
    what: "memory of a request, with a stream record",
    reach: "below 0.1 B",
    limit: 0.1,
    section: "memory",
    figure: "ours-stateful",
    unit: "B",
  },
  { what: "memory of a request, `routing`", reach: "below 0.1 B", limit: 0.1, section: "memory", figure: "routing-100", unit: "B" },
  {
    what: "memory of a request, `authentication` and `authorization`, mixed requests",
    reach: "below 0.1 B",
    limit: 0.1,
    section: "memory",
    figure: "mixed",
    unit: "B",
  },
  {
    what: "memory of a request, `mesh`, mixed requests",
    reach: "below 0.1 B",
    limit: 0.1,
    section: "memory",
    figure: "mixed-mesh",
    unit: "B",
  },
  { what: "memory of an attempt, `ejection`", reach: "below 0.1 B", limit: 0.1, section: "memory", figure: "attempts", unit: "B" },
  {
    what: "first VM",
    reach: "at most 16 MiB",
    limit: 16,
    section: "vms",
    figure: "ours/first",
    floor: "raw-c/first",
    scale: MIB,
    unit: "MiB",
  },
  {
    what: "each further VM",
    reach: "at most 3 MiB",
    limit: 3,
    section: "vms",
    figure: "ours/further",
    floor: "raw-c/further",
    scale: MIB,
    unit: "MiB",
  },
  { what: "CPU at start, header job", reach: "at most 25 ms", limit: 25, section: "vms", figure: "ours/cpu", unit: "ms" },
  ...moduleTargets("routing", 40),
  ...moduleTargets("authentication", 64),
  ...moduleTargets("authorization", 40),
  ...moduleTargets("mesh", 200),
  {
    what: "in-process host, header jobs a second",
    reach: "at least 100,000",
    limit: 100_000,
    atLeast: true,
    section: "in-process",
    figure: "ours/rate",
    unit: "",
  },
  { what: "`meshwright try`, first answer", reach: "within 500 ms", limit: 500, section: "answers", figure: "try-node/first", unit: "ms" },
  {
    what: "`meshwright try --host envoy`, first answer",
    reach: "within 1,000 ms",
    limit: 1000,
    section: "answers",
    figure: "try-envoy/first",
    unit: "ms",
  },
  {
    what: "`meshwright try --host envoy`, requests a second after that",
    reach: "at least 2,000",
    limit: 2000,
    atLeast: true,
    section: "answers",
    figure: "try-envoy/rate",
    unit: "",
  },
  {
    what: "a scenario in an Envoy process, start to first answer",
    reach: "at most 500 ms",
    limit: 500,
    section: "answers",
    figure: "scenario/first",
    unit: "ms",
  },
  {
    what: "`npm start`, the second time, to the first page",
    reach: "within 5 s",
    limit: 5,
    section: "answers",
    figure: "demo/first",
    scale: 1e-3,
    unit: "s",
  },
  { what: "in-process host, load and configure", reach: "under 20 ms", limit: 20, section: "in-process", figure: "ours/load", unit: "ms" },
  ...controlTargets("1000x50", { weight: [120, 0.15] }),
  ...controlTargets("1000x500", { weight: [150, 0.2], endpoint: [100, 0.2] }),
  ...controlTargets("1x500", { weight: [15] }),
  {
    what: "first configuration of 1,000 proxies, 500 services",
    reach: "at most 4 s",
    limit: 4,
    section: "control",
    figure: "delta@1000x500/first/p99",
    scale: 1e-3,
    unit: "s",
  },
  {
    what: "resident memory at 1,000 streams, 500 services",
    reach: "at most 300 MB",
    limit: 300,
    section: "control",
    figure: "delta@1000x500/resident",
    scale: 1e-6,
    unit: "MB",
  },
  {
    what: "certificates of 1,000 workloads at once",
    reach: "at most 10 s",
    limit: 10,
    section: "certificates",
    figure: "1000/last",
    scale: 1e-3,
    unit: "s",
  },
];

/** Of one size of mesh: milliseconds to the last ACK, and seconds of CPU, by what was changed. */
function controlTargets(size: string, limits: Readonly<Record<string, readonly [milliseconds: number, seconds?: number]>>): Target[] {
  const [streams = "", services = ""] = size.split("x");
  return Object.entries(limits).flatMap(([edit, [milliseconds, seconds]]) => {
    const what = `one ${edit}, ${streams} streams, ${services} services`;
    const of = (figure: string) => ({ section: "control", figure: `delta@${size}/${edit}/${figure}` });
    const time: Target = { what, reach: `at most ${milliseconds} ms`, limit: milliseconds, ...of("p99"), unit: "ms" };
    if (seconds === undefined) return [time];
    return [time, { what: `${what}, CPU`, reach: `at most ${seconds} s`, limit: seconds, ...of("cpu"), unit: "s" }];
  });
}

/** A target with what was measured; `undefined` where it was not. */
export interface Verdict {
  readonly target: Target;
  readonly measured: number | undefined;
  readonly met: boolean | undefined;
  /** Of a target that is missed. */
  readonly floor: number | undefined;
}

/** Compares every target with the results. A figure that is missing or makes no sense is neither met nor missed. */
export function judge(results: Results, targets: readonly Target[] = TARGETS): Verdict[] {
  return targets.map((target) => {
    const value = (name: string | undefined) => {
      const figure = name === undefined ? undefined : results[target.section]?.figures[name];
      return figure === undefined || !Number.isFinite(figure) ? undefined : figure * (target.scale ?? 1);
    };
    const measured = value(target.figure);
    if (measured === undefined) return { target, measured, met: undefined, floor: undefined };
    const met = target.atLeast === true ? measured >= target.limit : measured <= target.limit;
    return { target, measured, met, floor: met ? undefined : value(target.floor) };
  });
}
