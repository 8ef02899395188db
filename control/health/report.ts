/** What one proxy saw of hosts since it first saw them (`filters/ejection/report-schema.json`). */
export interface HealthReport {
  /** Envoy's node id. */
  readonly node: string;
  /** Milliseconds since 1970, by the proxy's clock. */
  readonly time: number;
  readonly hosts: readonly ReportedHost[];
}

/** Totals: a report that was lost matters little. */
export interface ReportedHost {
  /** `outbound|80||reviews.default.svc.cluster.local` */
  readonly cluster: string;
  readonly address: string;
  readonly good: number;
  readonly failed: number;
  readonly ejections: number;
}

/** Bytes of a report that are read; one of the most hosts that a filter tells of has less. */
export const LONGEST_REPORT = 1024 * 1024;
const CLUSTERS = 2_048;
const HOSTS = 4_096;

/** @returns a text that says what is wrong, and where */
export function readReport(bytes: Uint8Array): HealthReport | string {
  if (bytes.length > LONGEST_REPORT) return `a report has at most ${LONGEST_REPORT} bytes, this one ${bytes.length}`;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  if (!isObject(value)) return "a report is an object";
  const { node, time, clusters, hosts } = value;
  if (typeof node !== "string" || node === "") return "node: the id of a proxy is expected";
  if (!isCount(time)) return "time: milliseconds since 1970 are expected";
  if (!Array.isArray(clusters) || clusters.length > CLUSTERS || !clusters.every((each) => typeof each === "string" && each.length <= 256))
    return `clusters: at most ${CLUSTERS} names are expected`;
  if (!Array.isArray(hosts) || hosts.length > HOSTS) return `hosts: at most ${HOSTS} are expected`;
  const read: ReportedHost[] = [];
  for (const [index, host] of hosts.entries()) {
    const found = readHost(host, clusters as readonly string[]);
    if (typeof found === "string") return `hosts[${index}].${found}`;
    read.push(found);
  }
  return { node, time, hosts: read };
}

function readHost(host: unknown, clusters: readonly string[]): ReportedHost | string {
  if (!isObject(host)) return "cluster: is missing";
  const { cluster: place, address, good, failed, ejections } = host;
  const cluster = typeof place === "number" ? clusters[place] : undefined;
  if (cluster === undefined) return "cluster: a place in clusters is expected";
  if (typeof address !== "string" || address.length > 64) return "address: at most 64 characters are expected";
  if (!isCount(good)) return "good: a count is expected";
  if (!isCount(failed)) return "failed: a count is expected";
  if (!isCount(ejections)) return "ejections: a count is expected";
  return { cluster, address, good, failed, ejections };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
