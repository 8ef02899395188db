import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { allOfEnvoy, mergeInto, messageOf, readMessage, violation } from "../../envoy-api/reflection/index.ts";
import { formatPath, PATCHED_MESSAGES, type ProxyView } from "../../model/index.ts";
import { isFor, isInPlace, patchesFor, valueOf } from "./bound-patch.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * What a proxy starts with, in proto3 JSON, as patches for BOOTSTRAP leave it; the very object where there are none.
 *
 * @param tell hears of a patch that cannot be applied
 */
export function patchBootstrap(view: ProxyView, bootstrap: Json, tell: (problem: string) => void): Json {
  const places = view.client().type === "router" ? (["GATEWAY"] as const) : (["SIDECAR_OUTBOUND", "SIDECAR_INBOUND"] as const);
  const schema = messageOf(PATCHED_MESSAGES.BOOTSTRAP);
  let patched = bootstrap;
  for (const each of patchesFor(view, new Set(["BOOTSTRAP"]))) {
    if (!places.some((place) => isInPlace(each, place)) || !isFor(each, view)) continue;
    const message = readMessage(schema.typeName, patched);
    mergeInto(schema, message, valueOf(each.patch));
    const broken = violation(schema, message);
    if (broken === undefined) patched = toJson(schema, message, { registry: allOfEnvoy(), useProtoFieldName: true }) as JsonObject;
    else {
      const { file, line, column } = each.filter.object.place(each.patch.path);
      tell(
        `${file}:${line}:${column}: error MW0016 ${formatPath(each.patch.path)}: cannot be applied to the bootstrap: ${formatPath(broken.path)} ${broken.message}`,
      );
    }
  }
  return patched;
}
