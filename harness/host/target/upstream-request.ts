import { ByteBuffer } from "../byte-buffer.ts";
import type { FilterChain } from "../filter-chain.ts";
import { type HeaderMap } from "../header-map.ts";
import { FilterManager, type Downstream } from "../http/filter-manager.ts";
import { responseInlet, type Flow, type Inlet } from "../http/inlet.ts";
import { TestUpstream } from "../http/test-upstream.ts";
import { StreamInfo } from "../stream-info.ts";
import type { LocalResponse } from "../context.ts";
import type { Timer } from "../clock.ts";
import { frameLength, SERVER_CLOSE } from "../../target/body.ts";
import type { UpstreamHost } from "./routes.ts";
import type { UpstreamScript } from "./upstream-script.ts";

/** Why an attempt ended before its response, in the words of Envoy's answer. */
export type ResetReason = "connection termination" | "protocol error";

/** Who made the attempt and takes what comes back: the router. */
export interface UpstreamEvents {
  onUpstreamHeaders(headers: HeaderMap, endStream: boolean): void;
  onUpstreamData(data: ByteBuffer, endStream: boolean): void;
  onUpstreamTrailers(trailers: HeaderMap): void;
  /** The connection ended: before the response's headers, or after them. */
  onUpstreamReset(reason: ResetReason): void;
  /** A filter of the upstream chain answers: neither counted nor retried. */
  onUpstreamLocalReply(response: LocalResponse): void;
  requestSource(): Flow | undefined;
  /** The client goes away. */
  onClientGone(): void;
}

/** One attempt: the upstream chain with a context of its own for it, then the scripted upstream. */
export class UpstreamRequest implements Downstream {
  readonly received = new TestUpstream();
  private readonly chain: FilterChain;
  private readonly events: UpstreamEvents;
  private readonly script: UpstreamScript;
  private readonly manager: FilterManager;
  private readonly inlet: Inlet;
  private readonly info: StreamInfo;
  private readonly parent: StreamInfo;
  private readonly timers: Timer[] = [];
  private over = false;
  private answered = false;
  /** Whether the message of a WebSocket came. */
  greeted = false;

  constructor(chain: FilterChain, parent: StreamInfo, host: UpstreamHost, attempt: number, script: UpstreamScript, events: UpstreamEvents) {
    this.chain = chain;
    this.events = events;
    this.script = script;
    const info = new StreamInfo(parent.connection, parent.startTime, parent.startMonotonic);
    Object.assign(info, {
      protocol: parent.protocol,
      route: parent.route,
      cluster: parent.cluster,
      clusterMetadata: parent.clusterMetadata,
      filterState: parent.filterState,
      attempts: attempt,
      upstreamAddress: host.address,
      endpointMetadata: host.metadata,
    });
    Object.assign(info.dynamicMetadata, parent.dynamicMetadata);
    Object.assign(parent, { attempts: attempt, upstreamAddress: host.address, endpointMetadata: host.metadata });
    this.info = info;
    this.parent = parent;
    const filters = [...chain.createFilters(), this.received];
    this.manager = new FilterManager(filters, info, this, chain.bufferLimitOf(info.protocol), (response) =>
      events.onUpstreamLocalReply(response),
    );
    // The cluster speaks what the client does.
    this.inlet = responseInlet(this.manager, this, info.protocol);
  }

  sendHeaders(headers: HeaderMap, endStream: boolean): void {
    this.manager.decodeHeaders(undefined, headers, endStream);
    this.answer();
  }

  sendData(data: Uint8Array, endStream: boolean): void {
    if (this.over) return;
    this.manager.decodeData(undefined, ByteBuffer.of(data), endStream, "current");
    this.answer();
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.over) return;
    this.manager.decodeTrailers(undefined, trailers);
    this.answer();
  }

  /** Plays the script when the upstream has the request; a filter that holds it back lets it go later, so this is asked again. */
  answer(): void {
    if (this.over) return;
    if (this.answered) {
      if (this.script.upgrades(this.received)) this.answerMessages();
      return;
    }
    if (!this.script.ready(this.received)) {
      // A filter of the upstream chain holds the request: look again whenever time passes.
      this.timers.push(this.chain.worker.schedule(1, () => this.answer()));
      return;
    }
    this.answered = true;
    if (this.script.clientReset === "after-request") return this.post(() => this.events.onClientGone());
    const { delay } = this.script;
    // Of a WebSocket the message is what is answered late.
    if (this.script.upgrades(this.received)) this.post(() => this.play());
    else if (delay > 0) this.timers.push(this.chain.worker.schedule(delay, () => this.play()));
    else this.play();
  }

  private play(): void {
    if (this.over) return;
    const { script, manager } = this;
    if (script.upgrades(this.received)) return this.openTunnel();
    if (script.reset === "before-headers") {
      this.reset();
      return;
    }
    const { headers, pieces, endsWithBody, trailers, endless } = script.response(this.received);
    // Behind a 101 that nobody asked for the codec reports that its message is over.
    const isSwitch = headers.get(":status") === "101";
    manager.encodeHeaders(undefined, headers, !endless && !isSwitch && pieces.length === 0 && trailers === undefined);
    for (const [index, piece] of pieces.entries())
      if (!this.over) this.inlet.data(ByteBuffer.of(piece), endsWithBody && index === pieces.length - 1);
    const endsApart = isSwitch || (pieces.length > 0 && !endsWithBody);
    if (endsApart && !endless && trailers === undefined && !this.over) this.inlet.data(new ByteBuffer(), true);
    // A connection that ends within a message breaks its protocol (RFC 9112, section 8); one that ends between messages is only gone.
    if (script.reset !== undefined) this.resetBy("protocol error");
    else if (endless) this.post(() => this.over || this.events.onClientGone());
    else if (trailers !== undefined && !this.over) this.inlet.trailers(trailers);
  }

  /** The server of a WebSocket takes the upgrade before it knows what will be asked. */
  private openTunnel(): void {
    this.manager.encodeHeaders(undefined, this.script.response(this.received).headers, false);
    if (!this.over) this.inlet.data(new ByteBuffer(), false);
    this.awaitMessages();
  }

  /** A filter of the upstream chain may hold them: looks again whenever time passes. */
  private awaitMessages(): void {
    if (this.over) return;
    this.answerMessages();
    this.timers.push(this.chain.worker.schedule(1, () => this.awaitMessages()));
  }

  /** Its answers: to the message the scripted one, to the close frame another and the end of the connection. */
  private answerMessages(): void {
    const bytes = this.received.body.bytes();
    const message = frameLength(bytes);
    if (message === undefined) return;
    const { script } = this;
    if (!this.greeted) {
      this.greeted = true;
      const answer = () => {
        if (this.over) return;
        if (script.reset !== undefined) return this.closeTunnel();
        this.inlet.data(ByteBuffer.of(script.message(this.received)), false);
      };
      if (script.delay > 0) this.timers.push(this.chain.worker.schedule(script.delay, answer));
      else answer();
    } else if (frameLength(bytes.subarray(message)) !== undefined) {
      this.inlet.data(ByteBuffer.of(SERVER_CLOSE), false);
      this.closeTunnel();
    }
  }

  private closeTunnel(): void {
    if (!this.over) this.inlet.data(new ByteBuffer(), false);
    this.reset();
  }

  /** Ends the attempt without telling the router. */
  cancel(): void {
    if (this.over) return;
    this.over = true;
    for (const timer of this.timers) timer.cancel();
    this.showHowItEnded();
    this.manager.destroy(false);
    this.requestSource()?.release(this.manager);
  }

  /**
   * In `on_done` the filters of an attempt see the request as it is by then: its code where an answer was taken, and its duration where it is over, because the
   * client left. (What reset the attempt shows only afterwards.)
   */
  private showHowItEnded(): void {
    const { responseCode, responseCodeDetails, responseFlags, duration } = this.parent;
    Object.assign(this.info, { responseCode, responseCodeDetails, duration });
    for (const flag of responseFlags) this.info.responseFlags.add(flag);
  }

  // --- Downstream ---------------------------------------------------------------------------------------------------------------

  encodeHeaders(headers: HeaderMap, endStream: boolean): void {
    this.events.onUpstreamHeaders(headers, endStream);
  }

  encodeData(data: ByteBuffer, endStream: boolean): void {
    if (!this.over) this.events.onUpstreamData(data, endStream);
  }

  encodeTrailers(trailers: HeaderMap): void {
    if (!this.over) this.events.onUpstreamTrailers(trailers);
  }

  requestSource(): Flow | undefined {
    return this.events.requestSource();
  }

  responseSource(): Flow {
    return this.inlet;
  }

  reset(): void {
    this.resetBy("connection termination");
  }

  private resetBy(reason: ResetReason): void {
    if (this.over) return;
    this.cancel();
    this.events.onUpstreamReset(reason);
  }

  complete(): void {
    this.cancel();
  }

  clearRouteCache(): void {}

  post(task: () => void): void {
    this.chain.worker.dispatcher.post(task);
  }
}
