import { Host, HostError, ManualClock, type HttpStream, type PluginHandle, type TcpStream } from "../../../../harness/host/index.ts";
import { grpcHandler } from "../../../../harness/host/target/grpc-handler.ts";
import type { HeaderList } from "../../../../harness/target/index.ts";
import { calloutAnswer } from "./clusters.ts";
import type { NamedFilter, Setup } from "./setups.ts";
import {
  LIMIT,
  requestHeaders,
  shownBody,
  shownHeaders,
  shownLines,
  type Case,
  type ConnectionSteps,
  type ConnectionView,
  type Place,
  type Progress,
  type RequestOptions,
  type RequestSteps,
  type RequestView,
  type Sight,
} from "./step.ts";

const HOUR = 3_600_000;

/** Filters of one setup in a host, for the cases that share it. */
export class HostPlace {
  private readonly host: Host;
  private readonly filters: readonly NamedFilter[];
  private readonly plugins: readonly PluginHandle[];
  private readonly limited: boolean;
  private readonly upstream: Setup["upstream"];

  constructor({ filters, limited, upstream }: Setup) {
    this.upstream = upstream;
    this.host = new Host({ clock: new ManualClock({ now: new Date() }), logLevel: "debug" });
    this.host.clusters.set("callout", { http: calloutAnswer, grpc: grpcHandler(calloutAnswer) });
    this.host.clusters.set("refused", { health: "refused" });
    for (const name of ["no-hosts", "breaker"]) this.host.clusters.set(name, { health: "no-host" });
    this.filters = filters;
    this.limited = limited;
    this.plugins = filters.map((filter) => this.host.load(filter));
    // An Envoy has run for some time.
    this.host.advance(HOUR);
  }

  /** What is seen behind each step. */
  async play({ play, shown = /^/ }: Pick<Case, "play" | "shown">): Promise<Sight[]> {
    const sights: Sight[] = [];
    const streams: Array<() => RequestView | ConnectionView> = [];
    const leavers: Array<() => Promise<void>> = [];
    const lines = () =>
      shownLines(
        this.host.logs.lines.flatMap(({ source, message, prefix }) =>
          source === "filter" ? [{ filter: this.filterOf(prefix), message }] : [],
        ),
      );
    const first = lines().length;
    const log = () =>
      lines()
        .slice(first)
        .filter((line) => shown.test(line));
    let together = false;
    const did = (step: string) => {
      if (!together) sights.push({ step, log: log(), streams: streams.map((view) => view()) });
    };
    const chain = this.host.chain(this.plugins, this.limited ? { bufferLimit: LIMIT } : {});
    const place: Place = {
      request: async (script, options = {}) => {
        const stream = chain.openStream({ protocol: protocolOf(options.protocol), upstreamProtocol: protocolOf(this.upstream) });
        streams.push(() => requestView(stream));
        stream.sendHeaders(requestHeaders(script, streams.length, options), options.end ?? true);
        did("request");
        const steps = requestSteps(stream, did);
        leavers.push(steps.leave);
        return steps;
      },
      connect: async () => {
        const stream = chain.openConnection({ cluster: "server" });
        let left = false;
        streams.push(() => connectionView(stream, left));
        did("connect");
        const steps = connectionSteps(stream, did);
        const leave = () => {
          left = true;
          return steps.leave();
        };
        leavers.push(leave);
        return { ...steps, leave };
      },
      update: async (script, filter = 0) => {
        try {
          this.plugins[filter]?.update(script);
        } catch (error) {
          // Envoy goes on with the old one as well.
          if (!(error instanceof HostError) || error.code !== "configuration-refused") throw error;
        }
        did("update");
      },
      together: async (steps) => {
        together = true;
        await steps();
        together = false;
        did("together");
      },
      pass: async (milliseconds) => {
        this.host.advance(milliseconds);
        did("pass");
      },
    };
    await play(place);
    for (const leave of leavers) await leave();
    return sights;
  }

  /** The number of the filter where there are several. */
  private filterOf(prefix: string): string {
    if (this.filters.length === 1) return "";
    const parts = prefix.split(" ");
    return `${this.filters.findIndex(({ name, vmId }) => parts.includes(name) || parts.includes(vmId ?? "")) + 1}: `;
  }
}

const protocolOf = (protocol: RequestOptions["protocol"]) => (protocol === "http/1.1" ? "HTTP/1.1" : "HTTP/2");

function requestSteps(stream: HttpStream, did: (step: string) => void): RequestSteps {
  const step = (name: string, act: () => void) => async () => {
    act();
    did(name);
  };
  const isOver = () => stream.state === "responded" || stream.state === "reset";
  const upstreamStep = (name: string, act: () => void) => step(name, () => stream.request !== undefined && !isOver() && act());
  const clientStep = (name: string, act: () => void) => step(name, () => !isOver() && act());
  return {
    send: (data) => clientStep("send", () => stream.sendData(data, false))(),
    finish: clientStep("finish", () => stream.sendData("", true)),
    trailers: (trailers) => clientStep("trailers", () => stream.sendTrailers(trailers))(),
    metadata: (entries) => clientStep("metadata", () => stream.sendMetadata(entries))(),
    answerMetadata: (entries) => upstreamStep("answerMetadata", () => stream.respondMetadata(entries))(),
    stopReading: (side) => step("stopReading", () => stream.stopReading(side))(),
    readOn: (side) => step("readOn", () => stream.readOn(side))(),
    leave: clientStep("leave", () => stream.disconnect()),
    answer: (headers = [[":status", "200"]], end = true) => upstreamStep("answer", () => stream.respondHeaders(headers, end))(),
    answerData: (data) => upstreamStep("answerData", () => stream.respondData(data, false))(),
    answerEnd: upstreamStep("answerEnd", () => stream.respondData("", true)),
    answerTrailers: (trailers) => upstreamStep("answerTrailers", () => stream.respondTrailers(trailers))(),
  };
}

function connectionSteps(stream: TcpStream, did: (step: string) => void): ConnectionSteps {
  const step = (name: string, act: () => void) => async () => {
    act();
    did(name);
  };
  return {
    send: (data) => step("send", () => stream.send(data))(),
    finish: step("finish", () => stream.send("", true)),
    leave: step("leave", () => stream.disconnect()),
    receive: (data) => step("receive", () => stream.receive(data))(),
    receiveEnd: step("receiveEnd", () => stream.receive("", true)),
  };
}

const text = (bytes: Uint8Array) => shownBody(Buffer.from(bytes).toString("latin1"));
const status = (headers: HeaderList) => Number(headers.find(([name]) => name === ":status")?.[1]);

function requestView(stream: HttpStream): RequestView {
  const { request, response, state } = stream;
  const progress: Progress = state === "responded" ? "whole" : state === "reset" ? "reset" : "open";
  return {
    ...(response === undefined
      ? progress === "reset" && { client: { progress } }
      : {
          client: {
            status: status(response.headers),
            headers: shownHeaders(response.headers),
            body: text(response.body),
            trailers: response.trailers ?? [],
            ...(stream.responseMetadata.length > 0 && { metadata: stream.responseMetadata.length }),
            progress,
          },
        }),
    ...(request !== undefined && {
      upstream: {
        path: request.headers.find(([name]) => name === ":path")?.[1] ?? "",
        headers: shownHeaders(request.headers),
        body: text(request.body),
        trailers: request.trailers ?? [],
        ...(stream.requestMetadata.length > 0 && { metadata: stream.requestMetadata.length }),
        progress: request.complete ? "whole" : "open",
      },
    }),
  };
}

/** What a client sees that `left` is over, whether Envoy knows or not. */
function connectionView(stream: TcpStream, left: boolean): ConnectionView {
  const isClosed = stream.closeReason !== undefined;
  return {
    client: { body: text(stream.toClient.bytes()), progress: isClosed || left || stream.clientEnded ? "whole" : "open" },
    server: { body: text(stream.toServer.bytes()), progress: stream.connected && (isClosed || stream.serverEnded) ? "whole" : "open" },
  };
}
