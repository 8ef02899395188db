import { bytesField, readMessage, textField } from "./protobuf.ts";

const ENVOY_GRPC = 1;
const CLUSTER_NAME = 1;
const AUTHORITY = 2;

export interface GrpcServiceName {
  readonly cluster: string;
  readonly authority: string;
  /** Whether the bytes were a message with a target, a message without one, or no message and so a name. */
  readonly form: "message" | "unset" | "name";
}

/**
 * Where gRPC callouts go: by a serialised `envoy.config.core.v3.GrpcService`, else the bytes are the cluster's name. The authority is that of the message, else
 * the cluster's name.
 */
export function readGrpcService(bytes: Uint8Array): GrpcServiceName {
  const service = readMessage(bytes);
  const envoyGrpc = service?.get(ENVOY_GRPC);
  const fields = service !== undefined && envoyGrpc instanceof Uint8Array ? readMessage(bytesField(service, ENVOY_GRPC)) : undefined;
  const cluster = fields === undefined ? Buffer.from(bytes).toString("utf8") : textField(fields, CLUSTER_NAME);
  const authority = fields === undefined ? "" : textField(fields, AUTHORITY);
  return {
    cluster,
    authority: authority === "" ? cluster : authority,
    form: service === undefined ? "name" : fields === undefined ? "unset" : "message",
  };
}
