import {
  BodyAction,
  Bytes,
  callForeignFunction,
  Counter,
  DecisionResult,
  Gauge,
  getSharedData,
  HeaderMap,
  HeaderPairs,
  HeadersAction,
  Histogram,
  HttpStream,
  LogLevel,
  logDecision,
  logString,
  Property,
  requestBody,
  requestHeaders,
  responseBody,
  Root,
  setFilterState,
  setSharedData,
  SharedQueue,
  Status,
  Stream,
  Text,
  TrailersAction,
} from "..";
import { MessageCallout, StatusCallout } from "./callouts";
import { changeHeaders } from "./header-changes";

const DO = Text.of("x-do");
const VALUE = Text.of("x-value");
const RESULT = Text.of("x-result");
const BODY = Text.of("x-body");
const CONTENT_LENGTH = Text.of("content-length");
const CLUSTER = Text.of("backend");
const SHARED_KEY = Text.of("shared");
const QUEUE = Text.of("queue");
const DETAILS = Text.of("sdk test");
const MISSING = Text.of("missing");
const SENT_BODY = Text.of("denied\n");
const BROKEN_VALUE = Text.of("a\r\nx-evil: 1");

/** Does what the request header `x-do` says. */
@final
export class ActionsRoot extends Root {
  readonly requests: Counter = new Counter("actions.requests");
  readonly last: Gauge = new Gauge("actions.last");
  readonly sizes: Histogram = new Histogram("actions.sizes");
  readonly dequeued: Counter = new Counter("actions.dequeued");
  readonly ticks: Counter = new Counter("actions.ticks");
  queue: SharedQueue | null = null;

  configure(configuration: Bytes): string | null {
    this.queue = SharedQueue.register(QUEUE.bytes);
    return null;
  }

  createStream(): Stream {
    return new ActionsStream();
  }

  onQueueReady(queueId: u32): void {
    const queue = this.queue;
    if (queue == null) return;
    while (queue.dequeue() != null) this.dequeued.increment();
  }
}


@final
export class ActionsStream extends HttpStream {
  private readonly httpCallout: StatusCallout = new StatusCallout(this);
  private readonly grpcCallout: MessageCallout = new MessageCallout(this);
  private action: Text = MISSING;

  reset(): void {
    this.action = MISSING;
  }

  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const root = changetype<ActionsRoot>(this.root);
    root.requests.increment();
    root.last.set(<u64>headers.size);
    root.sizes.record(1);
    const found = headers.get(DO.bytes);
    if (found == null) return HeadersAction.Continue;
    // One managed object for each request is what a filter must not make; this one is a test.
    this.action = Text.from(found);
    const action = this.action.toString();
    if (action == "delay") return this.resumeAfter(50) ? HeadersAction.StopIteration : HeadersAction.Continue;
    if (action == "deny") return this.sendLocalResponse(403, DETAILS.bytes, SENT_BODY.bytes);
    if (action == "limit") return this.sendLocalResponse(429, DETAILS.bytes);
    if (action == "no content") return this.sendLocalResponse(204, DETAILS.bytes, SENT_BODY.bytes);
    if (action == "bad status") return this.sendLocalResponse(99_999, DETAILS.bytes);
    if (action == "deny twice") {
      this.sendLocalResponse(403, DETAILS.bytes);
      return this.sendLocalResponse(500, DETAILS.bytes);
    }
    if (action == "deny and resume") {
      this.sendLocalResponse(403, DETAILS.bytes);
      this.resumeRequest();
      this.resumeResponse();
      return HeadersAction.StopIteration;
    }
    if (action == "resume response") return this.resumeResponse() ? HeadersAction.StopIteration : HeadersAction.Continue;
    if (action == "close") {
      this.close();
      this.close();
      return HeadersAction.StopIteration;
    }
    if (action == "callout") return this.callBackend(headers, 500);
    if (action == "callout to nowhere") return this.callNowhere();
    if (action == "grpc") return this.callGrpc();
    if (action == "body" || action == "read body") headers.remove(CONTENT_LENGTH.bytes);
    if (action == "add") headers.add(RESULT.bytes, this.action.bytes);
    if (action == "inject")
      headers.set(RESULT.bytes, headers.set(VALUE.bytes, BROKEN_VALUE.bytes) == Status.Ok ? BROKEN_VALUE.bytes : MISSING.bytes);
    if (action == "property") this.readProperty(headers);
    if (action.startsWith("change ")) headers.set(RESULT.bytes, changeHeaders(headers, action.substring(7)));
    if (action == "case") headers.set(RESULT.bytes, valueOr(headers.get(Text.of("X-VALUE").bytes)));
    if (action == "values") headers.set(RESULT.bytes, joined(headers));
    if (action == "filter state") setFilterState(SHARED_KEY.bytes, this.action.bytes);
    if (action == "shared data") headers.set(RESULT.bytes, countShared());
    if (action == "queue" && root.queue != null) (root.queue as SharedQueue).enqueue(this.action.bytes);
    if (action == "foreign")
      headers.set(RESULT.bytes, callForeignFunction(Text.of("nowhere").bytes, DO.bytes) == null ? MISSING.bytes : DO.bytes);
    if (action == "log") logString(LogLevel.Info, "asked to log");
    if (action == "decision")
      logDecision(Text.of("actions").bytes, Text.of('a "quoted" rule').bytes, DecisionResult.Allow, Text.of("line\nbreak").bytes);
    if (action == "trap") unreachable();
    return HeadersAction.Continue;
  }

  onRequestBody(size: i32, endOfStream: bool): BodyAction {
    const action = this.action.toString();
    if (action != "body" && action != "read body") return BodyAction.Continue;
    if (!endOfStream) return BodyAction.StopIterationAndBuffer;
    const body = requestBody.get(0, size);
    if (body != null && action == "body") requestBody.replaceAll(Text.of(body.toString().toUpperCase()).bytes);
    return BodyAction.Continue;
  }

  onRequestTrailers(trailers: HeaderMap): TrailersAction {
    if (this.action.toString() == "trailers") trailers.set(RESULT.bytes, this.action.bytes);
    return TrailersAction.Continue;
  }

  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const action = this.action.toString();
    if (action == "delay response") return this.resumeAfter(50) ? HeadersAction.StopIteration : HeadersAction.Continue;
    if (action == "deny response") return this.sendLocalResponse(502, DETAILS.bytes, SENT_BODY.bytes);
    if (action == "response body") headers.remove(CONTENT_LENGTH.bytes);
    // Request headers went on: they cannot be read any more, and that is not an error.
    if (action == "late request header") headers.set(RESULT.bytes, valueOr(requestHeaders.get(DO.bytes)));
    return HeadersAction.Continue;
  }

  onResponseBody(size: i32, endOfStream: bool): BodyAction {
    if (this.action.toString() == "response body" && size > 0) responseBody.append(Text.of("!").bytes);
    return BodyAction.Continue;
  }

  onLog(): void {
    const action = this.action.toString();
    // Each would crash Envoy here; the guards refuse.
    if (action == "misuse at log") {
      this.sendLocalResponse(500, DETAILS.bytes);
      this.resumeRequest();
      this.resumeResponse();
      this.close();
      this.resumeAfter(1);
    }
  }

  /** What a callout brought. */
  finish(result: Bytes | null, body: Bytes | null): void {
    requestHeaders.set(RESULT.bytes, valueOr(result));
    if (body != null) requestHeaders.set(BODY.bytes, body);
    this.resumeRequest();
  }

  private callBackend(headers: HeaderMap, timeout: u32): HeadersAction {
    const pairs = HeaderPairs.create();
    pairs.add(Text.of(":method").bytes, Text.of("POST").bytes);
    pairs.add(Text.of(":path").bytes, Text.of("/check").bytes);
    pairs.add(Text.of(":authority").bytes, Text.of("backend").bytes);
    const value = headers.get(VALUE.bytes);
    if (value != null) pairs.add(VALUE.bytes, value);
    if (this.httpCallout.send(this, CLUSTER.bytes, pairs, timeout, SENT_BODY.bytes)) return HeadersAction.StopIteration;
    return this.sendLocalResponse(500, DETAILS.bytes);
  }

  private callNowhere(): HeadersAction {
    const pairs = HeaderPairs.create();
    pairs.add(Text.of(":method").bytes, Text.of("GET").bytes);
    pairs.add(Text.of(":path").bytes, Text.of("/").bytes);
    pairs.add(Text.of(":authority").bytes, Text.of("nowhere").bytes);
    if (this.httpCallout.send(this, Text.of("nowhere").bytes, pairs, 500)) return HeadersAction.StopIteration;
    return this.sendLocalResponse(503, DETAILS.bytes);
  }

  private callGrpc(): HeadersAction {
    const service = Text.of("test.Echo");
    const method = Text.of("Say");
    if (this.grpcCallout.call(this, this.root, CLUSTER.bytes, service.bytes, method.bytes, DETAILS.bytes, 500)) {
      return HeadersAction.StopIteration;
    }
    return this.sendLocalResponse(500, DETAILS.bytes);
  }

  private readProperty(headers: HeaderMap): void {
    const name = headers.get(VALUE.bytes);
    if (name != null) headers.set(RESULT.bytes, valueOr(Property.named(name.toString()).get()));
  }
}

function valueOr(value: Bytes | null): Bytes {
  return value != null ? value : MISSING.bytes;
}

/** Every value of `x-value`, with bars between. */
function joined(headers: HeaderMap): Bytes {
  let text = "";
  const values = headers.values(VALUE.bytes);
  while (values.next()) text += values.value.toString() + "|";
  return Text.of(text).bytes;
}

/** Adds one to a shared number, however many workers do the same. */
function countShared(): Bytes {
  while (true) {
    const held = getSharedData(SHARED_KEY.bytes);
    const next = held != null ? I32.parseInt(held.bytes.toString()) + 1 : 1;
    const text = Text.of(next.toString());
    if (setSharedData(SHARED_KEY.bytes, text.bytes, held != null ? held.cas : 0) != Status.CasMismatch) return text.bytes;
  }
}
