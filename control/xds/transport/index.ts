/** xDS over gRPC, on @grpc/grpc-js. What is said on a stream is decided in `control/xds/server/`. */
export type { PlainAnswer, PlainHandler, PlainRequest } from "./http.ts";
export { XdsListener, type GrpcService, type ListenOptions } from "./listener.ts";
