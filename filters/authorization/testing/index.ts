export * from "../../sdk/exports/stateful";
export * from "../../sdk/exports/request-headers";

import { Bytes, HeaderMap, HeadersAction, HttpStream, register, Root, setFilterState, Stream, Text } from "../../sdk";

// In front of `authorization` in its scenarios: hands over what stands in the request header `x-authentication`, as `authentication` does after it verified
// a token.

const HEADER = Text.of("x-authentication");
const STATE = Text.of("meshwright.authentication");


@final
class HandOverStream extends HttpStream {
  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const value = headers.get(HEADER.bytes);
    if (value != null) setFilterState(STATE.bytes, value);
    return HeadersAction.Continue;
  }
}


@final
class HandOverRoot extends Root {
  configure(configuration: Bytes): string | null {
    return null;
  }

  createStream(): Stream {
    return new HandOverStream();
  }
}

register("hand-over", () => new HandOverRoot());
