import { Bytes, HeaderMap, HeadersAction, HttpStream, Root, Stream, Text } from "..";

const CONFIGURATION = Text.of("x-configuration");
const REFUSED = Text.of("refuse me");

/** Adds its configuration to every response. */
@final
export class EchoRoot extends Root {
  configuration: Text = Text.of("");

  configure(configuration: Bytes): string | null {
    if (configuration.equals(REFUSED.bytes)) return "line 1: asked to refuse";
    this.configuration = Text.from(configuration);
    return null;
  }

  createStream(): Stream {
    return new EchoStream();
  }
}


@final
class EchoStream extends HttpStream {
  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    headers.add(CONFIGURATION.bytes, changetype<EchoRoot>(this.root).configuration.bytes);
    return HeadersAction.Continue;
  }
}
