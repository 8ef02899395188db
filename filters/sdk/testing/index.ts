export * from "../exports/stateful";
export * from "../exports/request-headers";
export * from "../exports/request-body";
export * from "../exports/request-trailers";
export * from "../exports/response-headers";
export * from "../exports/response-body";
export * from "../exports/response-trailers";
export * from "../exports/request-metadata";
export * from "../exports/response-metadata";
export * from "../exports/log";
export * from "../exports/done";
export * from "../exports/tick";
export * from "../exports/queue";
export * from "../exports/foreign-function";
export * from "../exports/http-callout";
export * from "../exports/grpc-callout";
export * from "../exports/tcp";

import { register } from "..";
import { ActionsRoot } from "./actions";
import { EchoRoot } from "./echo";
import { TcpRoot } from "./tcp";

// Filters in one module, for the SDK's scenarios: `actions` does what the request header `x-do` says, `echo` shows its configuration, `tcp` is a
// network filter.
register("actions", () => new ActionsRoot());
register("echo", () => new EchoRoot());
register("tcp", () => new TcpRoot());
