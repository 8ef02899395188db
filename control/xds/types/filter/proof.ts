import { create, fromBinary, type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import { type Any, BytesValueSchema, StringValueSchema, StructSchema } from "@bufbuild/protobuf/wkt";
import { PluginConfigSchema } from "../../../envoy-api/generated/envoy/extensions/wasm/v3/wasm_pb.ts";
import { typeUrl } from "../../../envoy-api/index.ts";
import type { ProofRequest, ProvenModule } from "../../../proof/index.ts";

/** What a plugin of Envoy will load into its module, which may stand in a file beside the proxy. */
export function proofOf(init: MessageInitShape<typeof PluginConfigSchema>, module: ProvenModule): ProofRequest {
  const { name, rootId, configuration, vm, capabilityRestrictionConfig } = create(PluginConfigSchema, init);
  const vmConfig = vm.case === "vmConfig" ? vm.value : undefined;
  const allowed = Object.keys(capabilityRestrictionConfig?.allowedCapabilities ?? {});
  return {
    name,
    module,
    rootId,
    configuration: textOf(configuration),
    ...(vmConfig?.configuration === undefined ? {} : { vmConfiguration: textOf(vmConfig.configuration) }),
    ...(vmConfig?.environmentVariables === undefined ? {} : { environment: vmConfig.environmentVariables.keyValues }),
    ...(allowed.length === 0 ? {} : { allowedCapabilities: allowed }),
  };
}

/** What a module reads where its configuration is such a message (Envoy's `MessageUtil::anyToBytes`). */
function textOf(any: Any | undefined): string | Uint8Array {
  if (any === undefined) return "";
  if (any.typeUrl === typeUrl(StringValueSchema)) return fromBinary(StringValueSchema, any.value).value;
  if (any.typeUrl === typeUrl(BytesValueSchema)) return fromBinary(BytesValueSchema, any.value).value;
  return any.typeUrl === typeUrl(StructSchema) ? toJsonString(StructSchema, fromBinary(StructSchema, any.value)) : any.value;
}
