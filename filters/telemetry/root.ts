import { Bytes, Counter, Property, Root, Stream } from "../sdk";
import { parseConfiguration } from "./configuration";
import { Peers } from "./peers";
import { Plan } from "./plan";
import { RequestValues } from "./request-values";
import { SeriesTable } from "./series";
import { Services } from "./services";
import { Mode, Settings } from "./settings";
import { TelemetryStream } from "./stream";
import { Workload } from "./workload";

const LISTENER_DIRECTION = Property.named("xds.listener_direction");
/** `envoy.config.core.v3.TrafficDirection`. */
const INBOUND: i64 = 1;

/** What needs a stream to be known, and is then the same for all of them. */
@final
export class Reporting {
  readonly plan: Plan;
  readonly values: RequestValues;
  readonly series: SeriesTable;

  constructor(
    settings: Settings,
    readonly services: Services,
    created: Counter,
    overflowed: Counter,
  ) {
    const byListener = LISTENER_DIRECTION.getInteger() == INBOUND ? Mode.Inbound : Mode.Outbound;
    const mode = settings.mode == Mode.ByListener ? byListener : settings.mode;
    const plan = new Plan(settings, mode, Workload.read());
    this.plan = plan;
    this.values = new RequestValues(plan, services);
    this.series = new SeriesTable(plan, created, overflowed);
  }
}


@final
export class TelemetryRoot extends Root {
  readonly services: Services = new Services();
  readonly peers: Peers = new Peers();
  private settings: Settings = new Settings();
  private reporting: Reporting | null = null;
  private readonly created: Counter = new Counter("telemetry.series");
  private readonly overflowed: Counter = new Counter("telemetry.overflow");
  /** Metadata of the other side that was not believed, or could not be read. */
  readonly rejected: Counter = new Counter("telemetry.peer_rejected");

  configure(configuration: Bytes): string | null {
    const result = parseConfiguration(configuration);
    const settings = result.settings;
    if (settings == null) return result.problem;
    this.settings = settings;
    return null;
  }

  /** Made with the first stream, in its context. */
  get report(): Reporting {
    let reporting = this.reporting;
    if (reporting == null) {
      reporting = new Reporting(this.settings, this.services, this.created, this.overflowed);
      this.reporting = reporting;
    }
    return reporting;
  }

  onDelete(): void {
    this.services.dispose();
    this.peers.dispose();
    const reporting = this.reporting;
    if (reporting != null) reporting.series.dispose();
  }

  createStream(): Stream {
    return new TelemetryStream();
  }
}
