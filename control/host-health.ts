import { type Decision, type HostHealth, type Mark, MeshHealth, type MeshHealthSettings, type Receipt } from "./health/index.ts";
import type { HealthReport } from "./health/index.ts";
import type { ControlLog } from "./log.ts";
import { hostGroup, judgedPorts, type Mesh } from "./mesh/index.ts";
import type { MeshHealthState } from "./model/index.ts";
import { ReportTokens } from "./report-tokens.ts";
import type { HealthEntry } from "./state/health.ts";
import type { KeptList } from "./state/kept-list.ts";

/** Where proxies report, at the address of xDS. */
export const HEALTH_REPORTS = "/api/v1/health-reports";

export interface HostHealthOptions extends MeshHealthSettings {
  readonly mesh: () => Mesh;
  /** Hears what is known of hosts when that has changed. */
  readonly apply: (state: MeshHealthState) => void;
  readonly log: ControlLog | undefined;
  readonly decided: (decision: Decision["decision"]) => void;
  /** Where what is decided is kept over a restart. Undefined: nowhere. */
  readonly kept: Pick<KeptList<HealthEntry>, "read" | "keep"> | undefined;
}

/** Looks at what callers say as often as this within an interval. */
const LOOKS = 5;

/** Mesh-wide health with what it needs to run: a clock, the mesh, a log, a place to keep what it decided, and tokens by which proxies in plain text show that their configuration is from here. */
export class HostHealthService implements Disposable {
  readonly health: MeshHealth;
  private readonly options: HostHealthOptions;
  private readonly tokens: ReportTokens;
  private readonly timer: NodeJS.Timeout;
  private clusters: { readonly mesh: Mesh; readonly names: readonly string[] } | undefined;
  private told = "";

  constructor(options: HostHealthOptions) {
    this.options = options;
    const kept = options.kept?.read() ?? [];
    const marks = kept.filter((entry): entry is Mark => !("token" in entry));
    this.tokens = new ReportTokens(
      kept.filter((entry) => "token" in entry),
      now,
    );
    this.health = new MeshHealth({ ...options, group: (service, port) => hostGroup(options.mesh(), service, port), now, marks });
    // Marks of an earlier process hold from the first configuration on; what they are of may not be there yet.
    this.tell();
    this.keep();
    this.timer = setInterval(() => this.look(), this.health.settings.interval / LOOKS);
    this.timer.unref();
  }

  /** Milliseconds between two reports of a proxy. */
  get interval(): number {
    return this.health.settings.interval;
  }

  /** Whether who reports has a configuration from here. */
  isToken(given: string): boolean {
    return this.tokens.accepts(given);
  }

  /** Gives proxies another token; that which they have is good until it is replaced once more. */
  replaceToken(): void {
    this.tokens.replace();
    this.keep();
    this.tell();
  }

  report(id: string, report: HealthReport): Receipt {
    return this.health.report(id, report);
  }

  /** Clusters of which Envoy is to tell what became of requests. */
  reportedClusters(): readonly string[] {
    const mesh = this.options.mesh();
    if (this.clusters?.mesh !== mesh) {
      const names = Array.from(judgedPorts(mesh)).flatMap(({ service, port, subsets }) =>
        ["", ...subsets].map((subset) => `outbound|${port}|${subset}|${service}`),
      );
      this.clusters = { mesh, names: [...new Set(names)].sort() };
    }
    return this.clusters.names;
  }

  status(): {
    readonly interval: number;
    readonly callers: number;
    readonly hosts: readonly HostHealth[];
    readonly decisions: readonly Decision[];
  } {
    const { interval, callers } = this.health.settings;
    return { interval, callers, hosts: this.health.hosts(), decisions: this.health.decisions() };
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const before = JSON.stringify(this.health.remembered());
    for (const decision of this.health.evaluate()) {
      this.options.decided(decision.decision);
      const { decision: _, reason: __, ...fields } = decision;
      this.options.log?.[decision.decision === "ejected" || decision.decision === "held" ? "warn" : "info"](fields, messageOf(decision));
    }
    const renewed = this.tokens.renew();
    if (renewed || JSON.stringify(this.health.remembered()) !== before) this.keep();
    this.tell();
  }

  private tell(): void {
    const marks = this.health.marks();
    const text = JSON.stringify([this.tokens.current, ...marks]);
    if (text === this.told) return;
    this.told = text;
    this.options.apply({ reports: { path: `${HEALTH_REPORTS}?token=${this.tokens.current}`, period: this.interval }, marks });
  }

  private keep(): void {
    this.options.kept?.keep(() => [...this.tokens.kept(), ...this.health.remembered()]);
  }
}

function messageOf({ decision, address, service, port, reason }: Decision): string {
  const what: Readonly<Record<Decision["decision"], string>> = {
    ejected: "is out for all",
    held: "would be out for all, and is not",
    returning: "comes back",
    returned: "is back",
    released: "is not judged any more",
  };
  return `${address} of ${service}:${port} ${what[decision]}: ${reason}`;
}

/** A clock that shows what the wall clock showed when this process began, and does not jump with it. */
function now(): number {
  return Math.round(performance.timeOrigin + performance.now());
}
