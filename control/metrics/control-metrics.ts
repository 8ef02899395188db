import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { AggregationType, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { type CertificateMetrics, certificateMetrics } from "./certificate-metrics.ts";
import type { AnswerEvent, Observer, RefusalEvent, SentEvent } from "../xds/server/index.ts";

/** What is counted at the moment of a scrape. */
export interface Gauges {
  /** Proxies with a stream. */
  proxies(): number;
  services(): number;
  virtualServices(): number;
  /** Objects by kind. */
  objects(): ReadonlyMap<string, number>;
  /** Problems by level. */
  problems(): ReadonlyMap<string, number>;
  /** Hosts that get less than their share of requests by mesh-wide health, by what they get: `out`, `returning`. */
  markedHosts(): ReadonlyMap<string, number>;
}

/** Where a metric of istiod's means the same, it has istiod's name. */
const ISTIO_TYPES: Readonly<Record<string, string>> = {
  Listener: "lds",
  RouteConfiguration: "rds",
  Cluster: "cds",
  ClusterLoadAssignment: "eds",
  ScopedRouteConfiguration: "srds",
  TypedExtensionConfig: "ecds",
  Secret: "sds",
};

/** Counters of istiod's: it leaves out the suffix that the serializer adds (`WithoutCounterSuffixes` in its `pkg/monitoring`), and so do the dashboards that people have for it. */
const ISTIO_COUNTER = /^((?:# \w+ )?(?:pilot|citadel)_\w+)_total(?=[ {])/gm;

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Metrics of the control service in Prometheus' text format, by OpenTelemetry. */
export class ControlMetrics {
  private readonly reader = new ScrapeReader();
  private readonly serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  readonly observer: Observer;
  private readonly changes: (seconds: number, objects: number) => void;
  private readonly convergences: (seconds: number) => void;
  private readonly failures: (type: string) => void;
  private readonly proofs: (good: boolean, seconds: number) => void;
  private readonly healthReports: (result: string) => void;
  private readonly healthDecisions: (decision: string) => void;
  /** Of the certificate authority. */
  readonly certificates: CertificateMetrics;

  constructor(gauges: Gauges) {
    const provider = new MeterProvider({
      readers: [this.reader],
      views: [
        { instrumentName: "*_time", aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: SECONDS } } },
      ],
    });
    const meter = provider.getMeter("meshwright");
    const pushes = meter.createCounter("pilot_xds_pushes", { description: "Responses sent, by type." });
    const bytes = meter.createCounter("meshwright_xds_sent_bytes", { description: "Bytes of responses, by type.", unit: "By" });
    const resources = meter.createCounter("meshwright_xds_sent_resources", { description: "Resources sent or removed, by type." });
    const rejects = meter.createCounter("pilot_total_xds_rejects", { description: "Responses that a proxy refused, by type." });
    const accepted = meter.createCounter("meshwright_xds_accepted", { description: "Responses that a proxy accepted, by type." });
    const sendTime = meter.createHistogram("pilot_xds_send_time", {
      description: "Seconds from the sending of a response to its answer.",
    });
    const convergence = meter.createHistogram("pilot_proxy_convergence_time", {
      description: "Seconds from a change to its acceptance by one proxy.",
    });
    const converged = meter.createHistogram("meshwright_convergence_time", {
      description: "Seconds from a change to the last answer of all proxies that it concerns.",
    });
    const applied = meter.createHistogram("meshwright_translation_time", {
      description: "Seconds that a change took to be translated.",
    });
    const updates = meter.createCounter("pilot_inbound_updates", { description: "Objects that were added, changed or removed." });
    const errors = meter.createCounter("meshwright_translation_errors", { description: "Units that could not be translated, by type." });
    const closed = meter.createCounter("pilot_xds_internal_errors", { description: "Streams that the service ended with an error." });
    this.changes = (seconds, objects) => {
      applied.record(seconds);
      updates.add(objects);
    };
    this.convergences = (seconds) => converged.record(seconds);
    this.failures = (type) => errors.add(1, { type });
    const proofs = meter.createCounter("meshwright_proofs", { description: "Configurations loaded into their modules, by result." });
    const proofTime = meter.createHistogram("meshwright_proof_time", {
      description: "Seconds that a module took to take or refuse a configuration.",
    });
    this.proofs = (good, seconds) => {
      proofs.add(1, { result: good ? "accepted" : "refused" });
      proofTime.record(seconds);
    };
    const reports = meter.createCounter("meshwright_health_reports", {
      description: "Reports of ejection filters, by what became of them.",
    });
    this.healthReports = (result) => reports.add(1, { result });
    const decisions = meter.createCounter("meshwright_health_decisions", {
      description: "What mesh-wide health decided about hosts, by decision.",
    });
    this.healthDecisions = (decision) => decisions.add(1, { decision });
    meter
      .createObservableGauge("meshwright_health_hosts", { description: "Hosts that are out for all, or come back." })
      .addCallback((result) => {
        for (const [state, count] of gauges.markedHosts()) result.observe(count, { state });
      });

    meter
      .createObservableGauge("pilot_xds", { description: "Proxies that are connected." })
      .addCallback((result) => result.observe(gauges.proxies()));
    meter
      .createObservableGauge("pilot_services", { description: "Services of the mesh." })
      .addCallback((result) => result.observe(gauges.services()));
    meter
      .createObservableGauge("pilot_virt_services", { description: "VirtualServices of the mesh." })
      .addCallback((result) => result.observe(gauges.virtualServices()));
    meter.createObservableGauge("meshwright_objects", { description: "Objects of the mesh, by kind." }).addCallback((result) => {
      for (const [kind, count] of gauges.objects()) result.observe(count, { kind });
    });
    meter
      .createObservableGauge("meshwright_problems", { description: "Problems of the mesh's objects, by level." })
      .addCallback((result) => {
        for (const [level, count] of gauges.problems()) result.observe(count, { level });
      });

    this.certificates = certificateMetrics(meter);
    this.observer = {
      sent({ typeUrl, bytes: size, resources: count, removed }: SentEvent) {
        const attributes = { type: typeName(typeUrl) };
        pushes.add(1, attributes);
        bytes.add(size, attributes);
        resources.add(count + removed, attributes);
      },
      accepted({ typeUrl, sinceSent, sinceChange }: AnswerEvent) {
        accepted.add(1, { type: typeName(typeUrl) });
        sendTime.record(sinceSent / 1000);
        if (sinceChange !== undefined) convergence.record(sinceChange / 1000);
      },
      refused({ typeUrl }: RefusalEvent) {
        rejects.add(1, { type: typeName(typeUrl) });
      },
      disconnected({ error }) {
        if (error !== undefined) closed.add(1);
      },
    };
  }

  /** A change of `objects` objects was translated within `seconds`. */
  changed(seconds: number, objects: number): void {
    this.changes(seconds, objects);
  }

  /** Every proxy that a change concerns had answered after `seconds`. */
  converged(seconds: number): void {
    this.convergences(seconds);
  }

  translationFailed(type: string): void {
    this.failures(type);
  }

  /** A configuration was loaded into its module within `seconds`, and taken or refused. */
  proved(good: boolean, seconds: number): void {
    this.proofs(good, seconds);
  }

  /** A report of hosts came; `result` says what became of it. */
  healthReported(result: string): void {
    this.healthReports(result);
  }

  healthDecided(decision: string): void {
    this.healthDecisions(decision);
  }

  /** In Prometheus' text format. */
  async scrape(): Promise<string> {
    const { resourceMetrics } = await this.reader.collect();
    return this.serializer.serialize(resourceMetrics).replace(ISTIO_COUNTER, "$1");
  }
}

function typeName(typeUrl: string): string {
  const name = typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
  return ISTIO_TYPES[name] ?? name;
}

/** Collects when it is asked. */
class ScrapeReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}
