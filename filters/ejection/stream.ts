import {
  BodyAction,
  Bytes,
  HeaderMap,
  HeadersAction,
  HttpStream,
  monotonicTime,
  Property,
  responseBody,
  responseHeaders,
  TrailersAction,
} from "../sdk";
import { Answer } from "./answer";
import { Cluster } from "./cluster";
import { MAX_RULES } from "./limits";
import { mark } from "./mark";
import { EjectionRoot } from "./root";
import { Judgement } from "./rule";
import { Settings } from "./settings";
import { MARK_HEADER } from "./headers";
import { explain, explainMark } from "./explanation";
import { HostEntry } from "./hosts";
import { NO_VERDICT } from "./verdict";

const NANOSECONDS_IN_MICROSECOND: u64 = 1_000;
const MAX_ADDRESS_LENGTH: i32 = 128;

const upstreamAddress = Property.named("upstream.address");
const responseCode = Property.named("response.code");
const requestDuration = Property.named("request.duration");

/**
 * One attempt at one host.
 *
 * ```
 *   context created ── headers ──────────────────────────────── body, trailers ── done
 *   (time starts)        │ every rule knows: counted, marked          │
 *                        │ some do not: they go on ─────────────── counted here; a verdict marks the host's next response
 *                        └ some do not, and `hold`: held back ──── counted here, marked, let go
 * ```
 */
@final
export class EjectionStream extends HttpStream {
  private readonly answer: Answer = new Answer();
  private cluster: Cluster | null = null;
  private settings: Settings | null = null;
  private readonly address: StaticArray<u8> = new StaticArray<u8>(MAX_ADDRESS_LENGTH);
  private addressLength: i32 = 0;
  private started: u64 = 0;
  /** The time that was read last: one hostcall serves a callback. */
  private now: u64 = 0;
  /** Microseconds until the headers of the answer. */
  private latency: u64 = 0;
  /** Rules by which the answer is a failure, a bit each. */
  private failed: u32 = 0;
  /** Rules that the headers did not settle. */
  private pending: u32 = 0;
  private answered: bool = false;
  private counted: bool = false;
  private held: bool = false;
  /** Bytes of the body that were looked through. */
  private scanned: i32 = 0;
  /** For each rule, where its search in the body stands. */
  private readonly matched: StaticArray<i32> = new StaticArray<i32>(MAX_RULES);

  reset(): void {
    this.answer.reset();
    this.cluster = null;
    this.settings = null;
    this.addressLength = 0;
    this.failed = 0;
    this.pending = 0;
    this.answered = false;
    this.counted = false;
    this.held = false;
    this.scanned = 0;
    // The context is made when the attempt begins: so no callback is needed for the request's headers.
    const root = changetype<EjectionRoot>(this.root);
    this.started = root.timesAnswers ? monotonicTime() : root.now;
    this.now = this.started;
  }

  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const settings = this.findSettings();
    if (settings == null) return HeadersAction.Continue;
    this.answered = true;
    this.answer.begin(headers);
    this.latency = this.elapsed();
    this.answer.latency = this.latency;
    this.judgeHeaders(settings, headers, endOfStream);
    // A service's own: whoever makes it send one would choose what is ejected.
    if (headers.has(MARK_HEADER.bytes)) headers.remove(MARK_HEADER.bytes);
    const isGood = (this.failed | this.pending) == 0;
    if ((isGood && changetype<EjectionRoot>(this.root).needsNoHost(settings)) || !this.readAddress()) {
      this.counted = true;
      this.pending = 0;
      return HeadersAction.Continue;
    }
    if (this.pending == 0) {
      this.count(settings, true);
    } else if (this.takeVerdict(settings, headers)) {
      return HeadersAction.Continue;
    } else if (settings.holdTime > 0) {
      this.held = true;
      this.callAfter(settings.holdTime);
      return HeadersAction.StopIteration;
    }
    return HeadersAction.Continue;
  }

  onResponseBody(size: i32, endOfStream: bool): BodyAction {
    const settings = this.settings;
    if (settings == null || this.pending == 0) return BodyAction.Continue;
    this.scan(settings, size, endOfStream);
    if (endOfStream) this.judgeEnd(settings, false);
    if (this.pending == 0) {
      this.count(settings, this.held);
      this.letGo();
    } else if (this.held) {
      if (size < settings.holdBytes) return BodyAction.StopIterationAndBuffer;
      this.letGo();
    }
    return BodyAction.Continue;
  }

  onResponseTrailers(trailers: HeaderMap): TrailersAction {
    const settings = this.settings;
    if (settings != null && this.pending != 0) {
      if (this.answer.isGrpc) this.answer.readGrpcStatus(trailers);
      this.judgeEnd(settings, false);
      this.count(settings, this.held);
      this.letGo();
    }
    return TrailersAction.Continue;
  }

  /** A held response has waited long enough: its verdict will be for the host's next one. */
  onTimer(): void {
    if (!this.held) return;
    this.held = false;
    this.resumeResponse();
  }

  /** Modules do without `proxy_on_done`, which comes right before: one callback less for each attempt. */
  end(): void {
    this.finish();
    super.end();
  }

  /** An attempt that did not come to its end: without an answer, or with a part of one. */
  private finish(): void {
    if (this.counted) return;
    this.counted = true;
    if (!this.answered) {
      const settings = this.findSettings();
      if (settings == null || this.clientLeft() || !this.readAddress()) return;
      this.countLocalOrigin(settings);
      return;
    }
    const settings = this.settings;
    if (settings == null) return;
    // Envoy cuts off an answer that it retries, before its code is the stream's: that is no fault of the host.
    this.judgeEnd(settings, !this.clientLeft() && responseCode.get() != null);
    this.count(settings, false);
  }

  /** The settings for this attempt; `null` where nothing judges it. */
  private findSettings(): Settings | null {
    const root = changetype<EjectionRoot>(this.root);
    const cluster = root.clusterOfAttempt(this.started);
    if (cluster == null) return null;
    this.cluster = cluster;
    this.settings = cluster.settings;
    return this.settings;
  }

  /** Notes whose answer this is. `false`: nobody knows. */
  private readAddress(): bool {
    const address = upstreamAddress.get();
    if (address == null) return false;
    this.addressLength = min(address.length, MAX_ADDRESS_LENGTH);
    memory.copy(changetype<usize>(this.address), address.pointer, <usize>this.addressLength);
    return true;
  }

  /** Microseconds since the attempt began, 1 at least; 0 where nobody asks. */
  private elapsed(): u64 {
    const root = changetype<EjectionRoot>(this.root);
    this.now = root.timesAnswers ? monotonicTime() : root.now;
    return root.timesAnswers ? max<u64>((this.now - this.started) / NANOSECONDS_IN_MICROSECOND, 1) : 0;
  }

  /** Whether the request is over on the client's side, which ended the attempt: then its end says nothing about the host. */
  private clientLeft(): bool {
    return requestDuration.get() != null;
  }

  private judgeHeaders(settings: Settings, headers: HeaderMap, endOfStream: bool): void {
    const cluster = this.cluster as Cluster;
    for (let i = 0; i < settings.rules.length; i++) {
      const judgement = unchecked(settings.rules[i]).judgeHeaders(
        this.answer,
        headers,
        unchecked(cluster.latencies.quantiles[i]),
        endOfStream,
      );
      if (judgement == Judgement.Failure) this.failed |= 1 << i;
      else if (judgement == Judgement.Pending) {
        this.pending |= 1 << i;
        unchecked((this.matched[i] = 0));
      }
    }
  }

  /** What the end of the answer says to the rules that are still open. */
  private judgeEnd(settings: Settings, cut: bool): void {
    const cluster = this.cluster as Cluster;
    this.answer.latency = this.elapsed();
    for (let i = 0; i < settings.rules.length; i++) {
      if ((this.pending & (1 << i)) == 0) continue;
      const rule = unchecked(settings.rules[i]);
      const body = rule.body;
      const found = body != null && body.isFound(unchecked(this.matched[i]));
      if (rule.judgeEnd(this.answer, unchecked(cluster.latencies.quantiles[i]), found, cut) == Judgement.Failure) this.failed |= 1 << i;
    }
    this.pending = 0;
  }

  /** Looks for markers in what came since the last time. While the response is held back, the buffer has all of it. */
  private scan(settings: Settings, size: i32, endOfStream: bool): void {
    const start = this.held ? this.scanned : 0;
    if (size <= start) return;
    const before = this.scanned;
    let piece: Bytes | null = null;
    for (let i = 0; i < settings.rules.length; i++) {
      if ((this.pending & (1 << i)) == 0) continue;
      const rule = unchecked(settings.rules[i]);
      const body = rule.body;
      if (body == null || before >= rule.bodyLimit) continue;
      if (piece == null) piece = responseBody.get(start, size - start);
      if (piece == null) return;
      const matched = body.advance(unchecked(this.matched[i]), piece.slice(0, rule.bodyLimit - before));
      unchecked((this.matched[i] = matched));
      this.settleBody(i, settings, before + piece.length);
    }
    this.scanned = before + size - start;
  }

  /** A rule that only waits for its marker need not wait for the end. */
  private settleBody(index: i32, settings: Settings, seen: i32): void {
    const rule = unchecked(settings.rules[index]);
    const body = rule.body;
    if (body == null || rule.reset || rule.latencyToEnd || (rule.grpcStatuses != 0 && this.answer.grpcStatus < 0)) return;
    if (body.isFound(unchecked(this.matched[index]))) this.failed |= 1 << index;
    else if (seen < rule.bodyLimit) return;
    this.pending &= ~(1 << index);
  }

  /** Marks the response where an answer before found the host to be out. */
  private takeVerdict(settings: Settings, headers: HeaderMap): bool {
    const root = changetype<EjectionRoot>(this.root);
    const verdict = root.judge.take(this.entry(), settings);
    if (verdict == NO_VERDICT) return false;
    mark(root, settings, headers);
    if (root.explains) explainMark(settings, verdict);
    return true;
  }

  private entry(): HostEntry {
    const judge = changetype<EjectionRoot>(this.root).judge;
    return judge.entryOf(this.cluster as Cluster, Bytes.view(changetype<usize>(this.address), this.addressLength));
  }

  /** Counts the answer, and marks the response where its headers are `open` and its host is out. */
  private count(settings: Settings, open: bool): void {
    this.counted = true;
    const root = changetype<EjectionRoot>(this.root);
    const cluster = this.cluster as Cluster;
    const judge = root.judge;
    const isFailure = this.failed != 0 || this.answer.httpStatus >= 500;
    if (settings.asksQuantile) cluster.latencies.count(cluster.hash, settings, this.latency, this.started);
    const verdict = judge.count(this.entry(), settings, this.failed, u32.MAX_VALUE, isFailure, this.latency, open, this.now);
    if (verdict != NO_VERDICT) mark(root, settings, responseHeaders);
    if (root.explains) explain(settings, judge, verdict, open);
  }

  private countLocalOrigin(settings: Settings): void {
    this.counted = true;
    let failed: u32 = 0;
    for (let i = 0; i < settings.rules.length; i++) {
      if (unchecked(settings.rules[i]).localOrigin) failed |= 1 << i;
    }
    if (failed == 0) return;
    const root = changetype<EjectionRoot>(this.root);
    const judge = root.judge;
    judge.count(this.entry(), settings, failed, failed, true, 0, false, this.now);
    if (root.explains) explain(settings, judge, NO_VERDICT, false);
  }

  private letGo(): void {
    if (!this.held) return;
    this.held = false;
    this.cancelTimer();
  }
}
