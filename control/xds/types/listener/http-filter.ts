import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HttpFilterSchema } from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";

export type HttpFilter = MessageInitShape<typeof HttpFilterSchema>;
