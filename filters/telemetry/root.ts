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

/** What needs a stream to be known, and is then the same for all of one mode. */
@final
export class Reporting {
  readonly plan: Plan;
  readonly values: RequestValues;
  readonly series: SeriesTable;

  constructor(settings: Settings, mode: Mode, services: Services, created: Counter, overflowed: Counter) {
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
  /** By {@link Mode}. */
  private readonly reportings: StaticArray<Reporting | null> = new StaticArray<Reporting | null>(<i32>Mode.Gateway + 1);
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

  /**
   * For the current stream. Listeners of both directions share one root where they have the same configuration, so that each stream must say whose it
   * is; what is made for a mode is made with its first stream.
   */
  report(): Reporting {
    let mode = this.settings.mode;
    if (mode == Mode.ByListener) mode = LISTENER_DIRECTION.getInteger() == INBOUND ? Mode.Inbound : Mode.Outbound;
    const known = this.reportings[mode];
    if (known != null) return known;
    const made = new Reporting(this.settings, mode, this.services, this.created, this.overflowed);
    this.reportings[mode] = made;
    return made;
  }

  onDelete(): void {
    this.services.dispose();
    this.peers.dispose();
    for (let i = 0; i < this.reportings.length; i++) {
      const reporting = this.reportings[i];
      if (reporting != null) reporting.series.dispose();
    }
  }

  createStream(): Stream {
    return new TelemetryStream();
  }
}
