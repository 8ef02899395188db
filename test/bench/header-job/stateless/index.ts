export * from "../../../../filters/sdk/exports/stateless";
export * from "../../../../filters/sdk/exports/request-headers";
export * from "../../../../filters/sdk/exports/response-headers";

import { Bytes, HeaderMap, HeadersAction, HttpStream, register, Root, Stream, Text } from "../../../../filters/sdk";

const PATH = Text.of(":path");
const USER = Text.of("x-user");
const AUTHORIZATION = Text.of("authorization");
const ROUTE = Text.of("x-route");
const FILTER = Text.of("x-filter");
const API = Text.of("/api/");
const BETA = Text.of("-beta");
const CANARY = Text.of("canary");
const STABLE = Text.of("stable");
const ONE = Text.of("1");

/** The header job of the benchmark, with nothing kept between its two callbacks. */
@final
class HeaderJobStream extends HttpStream {
  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const path = headers.get(PATH.bytes);
    const user = headers.get(USER.bytes);
    const authorization = headers.get(AUTHORIZATION.bytes);
    if (path == null || !path.startsWith(API.bytes)) return HeadersAction.Continue;
    const beta = user != null && user.endsWith(BETA.bytes);
    headers.set(ROUTE.bytes, beta ? CANARY.bytes : STABLE.bytes);
    return HeadersAction.Continue;
  }

  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    headers.add(FILTER.bytes, ONE.bytes);
    return HeadersAction.Continue;
  }
}


@final
class HeaderJobRoot extends Root {
  configure(configuration: Bytes): string | null {
    return null;
  }

  createStream(): Stream {
    return new HeaderJobStream();
  }
}

register("header-job", () => new HeaderJobRoot());
