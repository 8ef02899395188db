import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newRequest } from "../../../control/identity/index.ts";
import { CertificateClient } from "../../../control/identity/testing/certificate-client.ts";
import { digits, type Section } from "../sections/section.ts";
import { median } from "../statistics.ts";
import { AuthorityProcess } from "./authority-process.ts";

/** Workloads that ask at once. */
const SIZES = [1, 100, 1000] as const;

interface Measured {
  /** Milliseconds until the last certificate is there. */
  readonly last: number;
  readonly middle: number;
  /** Seconds of CPU of the service. */
  readonly cpu: number;
}

/** A storm of workloads that join with one token. */
export const certificates: Section = {
  id: "certificates",
  title: "Certificates",
  text: "Workloads that ask for a certificate at once, each on a connection of its own, all with one join token, whose uses are on the disk before they count: until one half and until all of them have theirs, and the CPU that the service spent on it. Keys and requests are made before; the clients run on the same machine.",
  async run({ rounds, progress }) {
    const figures: Record<string, number> = {};
    const rows: string[][] = [];
    for (const size of SIZES) {
      const runs: Measured[] = [];
      for (let round = 0; round < rounds; round++) runs.push(await storm(size));
      const of = (figure: keyof Measured) => median(runs.map((run) => run[figure]));
      figures[`${size}/last`] = of("last");
      figures[`${size}/cpu`] = of("cpu");
      rows.push([String(size), digits(of("middle"), 0), digits(of("last"), 0), digits(of("cpu"), 2)]);
      progress(rows.at(-1)?.join("; ") ?? "");
    }
    return { effort: `median of ${rounds} storms`, columns: ["workloads", "half, ms", "all, ms", "CPU, s"], rows, figures, missing: [] };
  },
};

async function storm(size: number): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), "bench-certificates-"));
  const clients: CertificateClient[] = [];
  try {
    await using authority = await AuthorityProcess.start(folder);
    const requests = await Promise.all(Array.from({ length: size }, () => newRequest()));
    // The first certificate has the service load what it needs.
    using first = new CertificateClient(authority.port);
    await first.ask(requests[0]?.csr ?? "", { bearer: await authority.joinToken(1) });
    const bearer = await authority.joinToken(size);
    const before = authority.process.cpu;
    const start = performance.now();
    const times = await Promise.all(
      requests.map(async ({ csr }) => {
        const client = new CertificateClient(authority.port);
        clients.push(client);
        await client.ask(csr, { bearer });
        return performance.now() - start;
      }),
    );
    return { last: Math.max(...times), middle: median(times), cpu: authority.process.cpu - before };
  } finally {
    for (const client of clients) client[Symbol.dispose]();
    await rm(folder, { recursive: true, force: true });
  }
}
