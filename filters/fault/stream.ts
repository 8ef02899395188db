import { formatInteger } from "../lib/number";
import {
  arena,
  Bytes,
  DecisionResult,
  HeaderMap,
  HeaderPairs,
  HeadersAction,
  HttpStream,
  logDecision,
  RequestView,
  setFilterState,
  Text,
} from "../sdk";
import { abortShareOfHeaders, grpcStatusOfHeaders, httpStatusOfHeaders } from "./client-headers";
import { FaultRoot } from "./root";
import { Abort, Rule } from "./rule";

const FILTER = Bytes.of("fault");
/** `%RESPONSE_CODE_DETAILS%` of an abort, that of Envoy's own fault filter. */
const ABORT_DETAILS = Bytes.of("fault_filter_abort");
/** `%FILTER_STATE(wasm.meshwright.fault:PLAIN)%`: `delay`, `abort` or `delay,abort`. */
const STATE = Bytes.of("meshwright.fault");
const OVERFLOW = Bytes.of("maxActiveFaults");
const DELAY_REASON = Bytes.of("milliseconds: ");
const HTTP_REASON = Bytes.of("HTTP status: ");
const GRPC_REASON = Bytes.of("gRPC status: ");

const TOO_MANY_REQUESTS: u32 = 429;
const GRPC_UNAVAILABLE: i32 = 14;

/** What was done to a request, as bits. */
const enum Injected {
  None = 0,
  Delay = 1,
  Abort = 2,
}

const NAMES: StaticArray<Text> = [Text.of(""), Text.of("delay"), Text.of("abort"), Text.of("delay,abort")];


@final
export class FaultStream extends HttpStream {
  private injected: u32 = Injected.None;
  private held: bool = false;
  private rule: Rule | null = null;
  /** What the request is answered with; 0: it is not. */
  private httpStatus: u32 = 0;
  private grpcStatus: i32 = -1;

  reset(): void {
    this.injected = Injected.None;
    this.held = false;
    this.rule = null;
    this.httpStatus = 0;
    this.grpcStatus = -1;
  }

  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const root = changetype<FaultRoot>(this.root);
    const request = RequestView.of(headers);
    const found = root.index.find(request);
    if (found == null) return HeadersAction.Continue;
    const rule = found.rule;
    const delay = rule.delay;
    const milliseconds = delay != null ? delay.draw(request) : 0;
    const abort = rule.abort;
    if (abort != null) this.drawAbort(abort, request);
    if (milliseconds == 0 && this.httpStatus == 0) return HeadersAction.Continue;

    if (root.full) {
      root.faultsOverflow.increment();
      logDecision(FILTER, rule.name.bytes, DecisionResult.Limit, OVERFLOW);
      this.httpStatus = 0;
      return HeadersAction.Continue;
    }
    this.rule = rule;
    if (milliseconds > 0 && this.resumeAfter(milliseconds)) {
      this.held = true;
      root.activeFaults.add(1);
      root.delaysInjected.increment();
      this.mark(Injected.Delay);
      logDecision(FILTER, rule.name.bytes, DecisionResult.Delay, joined(DELAY_REASON, milliseconds));
      return HeadersAction.StopIteration;
    }
    return this.httpStatus != 0 ? this.abort() : HeadersAction.Continue;
  }

  onTimer(): void {
    this.letGo();
    if (this.httpStatus != 0) this.abort();
    else this.resumeRequest();
  }

  /** Also for an abort's own answer, which comes by here. */
  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    if (this.injected == Injected.None) return HeadersAction.Continue;
    const header = changetype<FaultRoot>(this.root).responseHeader;
    if (header != null) headers.set(header.bytes, unchecked(NAMES[this.injected]).bytes);
    return HeadersAction.Continue;
  }

  /** A client that leaves while it is held back frees its place. */
  end(): void {
    super.end();
    this.letGo();
  }

  private drawAbort(abort: Abort, request: RequestView): void {
    if (abort.httpStatus != 0) {
      if (!abort.share.has(request)) return;
      this.httpStatus = abort.httpStatus;
      this.grpcStatus = abort.grpcStatus;
      return;
    }
    const headers = request.headers;
    const httpStatus = httpStatusOfHeaders(headers);
    const grpcStatus = httpStatus != 0 ? -1 : grpcStatusOfHeaders(headers);
    if (httpStatus == 0 && grpcStatus < 0) return;
    if (!abort.share.hasWithin(request, abortShareOfHeaders(headers))) return;
    this.httpStatus = httpStatus != 0 ? httpStatus : 200;
    this.grpcStatus = grpcStatus;
  }

  private abort(): HeadersAction {
    const root = changetype<FaultRoot>(this.root);
    const rule = this.rule as Rule;
    const abort = rule.abort as Abort;
    root.abortsInjected.increment();
    this.mark(Injected.Abort);
    logDecision(FILTER, rule.name.bytes, DecisionResult.Abort, this.abortReason());
    const pairs = HeaderPairs.create();
    const headers = abort.headers;
    for (let i = 0; i < headers.length; i++) pairs.add(unchecked(headers[i]).name.bytes, unchecked(headers[i]).value.bytes);
    // The SDK would take RESOURCE_EXHAUSTED for 429; Envoy's own fault filter gives UNAVAILABLE.
    const grpcStatus = this.grpcStatus < 0 && this.httpStatus == TOO_MANY_REQUESTS ? GRPC_UNAVAILABLE : this.grpcStatus;
    return this.sendLocalResponse(this.httpStatus, ABORT_DETAILS, abort.body.bytes, pairs, grpcStatus);
  }

  private abortReason(): Bytes {
    return this.grpcStatus < 0 ? joined(HTTP_REASON, this.httpStatus) : joined(GRPC_REASON, this.grpcStatus);
  }

  private mark(injected: Injected): void {
    this.injected |= injected;
    setFilterState(STATE, unchecked(NAMES[this.injected]).bytes);
  }

  private letGo(): void {
    if (!this.held) return;
    this.held = false;
    changetype<FaultRoot>(this.root).activeFaults.add(-1);
  }
}

function joined(text: Bytes, value: i64): Bytes {
  const digits = formatInteger(value);
  const length = text.length + digits.length;
  const copy = arena.allocate(<usize>length);
  memory.copy(copy, text.pointer, <usize>text.length);
  memory.copy(copy + <usize>text.length, digits.pointer, <usize>digits.length);
  return Bytes.view(copy, length);
}
