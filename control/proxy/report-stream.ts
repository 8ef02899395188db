import { setTimeout as sleep } from "node:timers/promises";
import { create, fromJson, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { NodeSchema } from "../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { DiscoveryRequestSchema } from "../envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { BackOff } from "./back-off.ts";
import { type CertificateSource, connectTo, type Credentials } from "./identity/certificate-client.ts";
import type { Log } from "./log.ts";

export interface ReportStreamOptions {
  /** What is reported: `HEALTH_TYPE`, or `DRAINING_TYPE`. */
  readonly typeUrl: string;
  /** The same, as the log has it. */
  readonly what: string;
  /** Where the control service is, and what is shown there over TLS; asked for each connection. */
  readonly connection: () => { readonly source: CertificateSource; readonly certificate: Credentials["certificate"] };
  /** Of the Envoy, as its bootstrap has it: proto3 JSON. */
  readonly node: unknown;
  readonly log: Log;
  /** The control service has answered, or there is no way to it now. Default: nobody hears of it. */
  readonly heard?: (problem: Error | undefined) => void;
}

const METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
/** `google.rpc.Code`, and the number that Istio's agents send. */
const UNHEALTHY = 500;
const LONGEST = 4_096;

/** Tells the control service how the workload is, or its proxy, in the words of Istio's agents: a request of a type of its own, with an error where it is not healthy. What was said last is said again where the stream begins anew. */
export class ReportStream implements AsyncDisposable {
  private readonly options: ReportStreamOptions;
  private readonly ended = new AbortController();
  /** There is nothing to be said before the first report. */
  private running: Promise<void> | undefined;
  /** Undefined: nothing is known. */
  private last: { readonly problem: string | undefined } | undefined;
  private send: (() => void) | undefined;

  constructor(options: ReportStreamOptions) {
    this.options = options;
  }

  /** @param problem what is wrong; undefined: nothing */
  report(problem?: string): void {
    this.last = { problem };
    if (this.running === undefined) this.running = this.run();
    else this.send?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ended.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.ended;
    const backOff = new BackOff();
    for (let failures = 0; !signal.aborted;) {
      const started = performance.now();
      const reason = await this.once(signal);
      if (signal.aborted) return;
      failures += 1;
      if (failures === 1) this.options.log.warn({ reason }, `${this.options.what} cannot be reported now`);
      this.options.heard?.(new Error(reason));
      await sleep(backOff.next(performance.now() - started), undefined, { signal }).catch(() => undefined);
    }
  }

  /** One stream, to its end. @returns why it ended */
  private once(signal: AbortSignal): Promise<string> {
    const { source, certificate } = this.options.connection();
    const client = connectTo(source, certificate);
    const call = client.makeBidiStreamRequest<MessageInitShape<typeof DiscoveryRequestSchema>, Buffer>(
      METHOD,
      (message) => Buffer.from(toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, message))),
      (bytes) => bytes,
    );
    let node: MessageInitShape<typeof NodeSchema> | undefined = fromJson(NodeSchema, this.options.node as never, {
      ignoreUnknownFields: true,
    });
    this.send = () => {
      if (this.last === undefined) return;
      const { problem } = this.last;
      call.write({
        typeUrl: this.options.typeUrl,
        ...(node === undefined ? {} : { node }),
        ...(problem === undefined ? {} : { errorDetail: { code: UNHEALTHY, message: problem.slice(0, LONGEST) } }),
      });
      node = undefined;
    };
    this.send();
    const cancel = () => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    return new Promise((resolve) => {
      const end = (reason: string) => {
        signal.removeEventListener("abort", cancel);
        this.send = undefined;
        client.close();
        resolve(reason);
      };
      call.on("data", () => this.options.heard?.(undefined));
      call.on("error", (error: Error) => end(error.message));
      call.on("end", () => end("the control service has ended the stream"));
    });
  }
}
