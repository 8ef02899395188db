import { bytesField, readMessage, textField } from "./protobuf.ts";

const ENVOY_GRPC = 1;
const CLUSTER_NAME = 1;

/** The cluster that gRPC callouts go to: of a serialised `envoy.config.core.v3.GrpcService`, else the bytes are the cluster's name. */
export function readGrpcService(bytes: Uint8Array): string {
  const service = readMessage(bytes);
  const envoyGrpc = service?.get(ENVOY_GRPC);
  if (service === undefined || !(envoyGrpc instanceof Uint8Array)) return Buffer.from(bytes).toString("utf8");
  const fields = readMessage(bytesField(service, ENVOY_GRPC));
  return fields === undefined ? Buffer.from(bytes).toString("utf8") : textField(fields, CLUSTER_NAME);
}
