import { parseArgs } from "node:util";

export const USAGE = `npm run bench -- [options]

  --only LIST    comma-separated: sections (header-job, live-streams, routing, authorization, authentication, algorithms, fault, ratelimit,
                 ejection, telemetry, mesh, hosts, throughput, memory, vms, in-process, answers, control, policies, certificates), or ways to do the header job (no-filter, raw-c, lua, ours, ...) and files FILE.wasm, which are
                 then compared among themselves
  --quick        fewer rounds and requests; for a first look
  --rounds N     rounds with fresh processes (default 7; quick 3)
  --write        write docs/benchmarks.{md,json} also where only some sections ran, or quickly
  --json         print the results as JSON instead of Markdown
`;

export interface BenchOptions {
  /** Undefined: everything. */
  readonly only: readonly string[] | undefined;
  readonly rounds: number;
  readonly batches: number;
  readonly requests: number;
  readonly write: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

/** @throws TypeError for an unknown option, RangeError for a bad number */
export function parseOptions(parameters: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      only: { type: "string" },
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      write: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const rounds = values.rounds === undefined ? (values.quick ? 3 : 7) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError(`--rounds ${values.rounds}: not a whole number above 0`);
  return {
    only: values.only?.split(",").filter((part) => part !== ""),
    rounds,
    batches: values.quick ? 800 : 2500,
    requests: values.quick ? 100_000 : 1_000_000,
    write: values.write || (values.only === undefined && !values.quick),
    json: values.json,
    help: values.help,
  };
}
