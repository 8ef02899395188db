import type { MessageInitShape } from "@bufbuild/protobuf";
import { ApiVersion, type ConfigSourceSchema } from "../../envoy-api/generated/envoy/config/core/v3/config_source_pb.ts";
import { milliseconds } from "../../envoy-api/index.ts";

/** Resources by the stream that brings everything else. After `timeout` milliseconds without an answer Envoy goes on without them (`initial_fetch_timeout`). */
export function fromAds(timeout: number): MessageInitShape<typeof ConfigSourceSchema> {
  return {
    resourceApiVersion: ApiVersion.V3,
    initialFetchTimeout: milliseconds(timeout),
    configSourceSpecifier: { case: "ads", value: {} },
  };
}
