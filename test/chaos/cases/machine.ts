import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { WallClock } from "../../../harness/faults/index.ts";
import type { Mesh, Proxy } from "../../../harness/mesh/index.ts";
import { until } from "../../../harness/until.ts";
import type { ChaosCase } from "../case.ts";
import { ejected, hostOf, rules, whole } from "../chaos-mesh.ts";

const YEAR = 365 * 24 * 3_600;
/** Handshakes go on, in which certificates are looked at. */
const policy = "connectionPool: { http: { maxRequestsPerConnection: 3 } }";
const run = promisify(execFile);

/** Machines that are not as they should be. */
export const MACHINE: readonly ChaosCase[] = [
  {
    fault: "a host's clock goes a year ahead, so that it takes all certificates for expired, and back",
    rules: { policy },
    unavailable: () => WallClock.unavailable(),
    async run(mesh, traffic, round) {
      const { sidecar } = mesh.workload(hostOf(round));
      {
        await using clock = await WallClock.start();
        await restartWith(sidecar, clock.environment);
        await whole(mesh);
        await clock.step(YEAR);
        await ejected(mesh);
        await traffic.more();
        await clock.step(0);
        await whole(mesh);
      }
      await sidecar.restart({ drain: false });
      await mesh.settled();
      await traffic.more();
      return undefined;
    },
  },
  {
    fault: "the disk of the control service is full (`--state`), while rules change",
    unavailable: async () =>
      run("prlimit", ["--version"]).then(
        () => undefined,
        () => "it has no prlimit (util-linux)",
      ),
    async run(mesh, traffic) {
      // No file may grow beyond nothing: its owner sees EFBIG, where a full disk says ENOSPC.
      await limitFiles(mesh, "0:unlimited");
      await mesh.apply({ "rules.yaml": rules({ route: "timeout: 20s" }) });
      await until(
        "the control service says that it cannot keep its state",
        () => mesh.control.log,
        (log) => log.some((line) => line.includes("EFBIG")),
      );
      await traffic.more();
      await limitFiles(mesh, "unlimited:unlimited");
      await mesh.apply({ "rules.yaml": rules() });
      await traffic.more();
      return undefined;
    },
  },
];

/** What this process has, processes get that it starts. */
async function restartWith(sidecar: Proxy, environment: Readonly<Record<string, string>>): Promise<void> {
  const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, environment);
  try {
    await sidecar.restart({ drain: false });
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

async function limitFiles(mesh: Mesh, limits: string): Promise<void> {
  await run("prlimit", ["--pid", String(mesh.control.pid), `--fsize=${limits}`]);
}
