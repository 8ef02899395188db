export * from "../../exports/stateless";
export * from "../../exports/request-headers";
export * from "../../exports/request-body";
export * from "../../exports/request-trailers";
export * from "../../exports/response-headers";
export * from "../../exports/tick";

import {
  arena,
  Bytes,
  collectLater,
  HeaderMap,
  HeadersAction,
  HttpStream,
  LogLevel,
  logString,
  register,
  requestHeaders,
  Root,
  Stream,
  Text,
} from "../..";

const CONFIGURATION = Text.of("x-configuration");
const HOLD = Text.of("x-hold");
const HELD = Text.of("x-held");
const REFUSED = Text.of("refused");
const NO_TICKS = Text.of("no ticks");
const SECOND: u32 = 1_000;

/** Adds its configuration to every response. A request with `x-hold` is held back until the next tick of a second, and then has its first character in `x-held`. */
@final
class StatelessRoot extends Root {
  configuration: Text = Text.of("");
  readonly held: Array<StatelessStream> = new Array<StatelessStream>();

  configure(configuration: Bytes): string | null {
    if (configuration.equals(REFUSED.bytes)) return "refused";
    this.configuration = Text.from(configuration);
    if (!configuration.equals(NO_TICKS.bytes)) this.tickEvery(SECOND);
    return null;
  }

  onTick(): void {
    logString(LogLevel.Info, "ticked: " + this.configuration.toString());
    collectLater();
    while (this.held.length > 0) {
      const stream = this.held.shift();
      if (stream.enter()) stream.goOn();
      stream.endHold();
    }
  }

  onDelete(): void {
    this.tickEvery(0);
    logString(LogLevel.Info, "deleted: " + this.configuration.toString());
  }

  createStream(): Stream {
    return new StatelessStream();
  }
}


@final
class StatelessStream extends HttpStream {
  private value: u8 = 0;

  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const value = headers.get(HOLD.bytes);
    if (value == null) return HeadersAction.Continue;
    const held = changetype<StatelessStream | null>(this.holdRequest());
    if (held == null) return HeadersAction.Continue;
    held.value = value[0];
    changetype<StatelessRoot>(this.root).held.push(held);
    return HeadersAction.StopIteration;
  }

  reset(): void {
    const held = changetype<StatelessRoot>(this.root).held;
    const index = held.indexOf(this);
    if (index >= 0) held.splice(index, 1);
  }

  goOn(): void {
    const value = arena.allocate(1);
    store<u8>(value, this.value);
    requestHeaders.set(HELD.bytes, Bytes.view(value, 1));
    this.resumeRequest();
  }

  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    headers.add(CONFIGURATION.bytes, changetype<StatelessRoot>(this.root).configuration.bytes);
    return HeadersAction.Continue;
  }
}

register("stateless", () => new StatelessRoot());
