import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DataSource } from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { SecretSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";

/** Bits of the occasion that a path says. */
const BITS = 16;

/**
 * The same secret in other words; see `ResourceTypeRules.reworded`. Of files it is the path of their folder that is written otherwise, so that Envoy's messages show those of the files as users wrote them.
 */
export function reworded(value: Uint8Array, occasion: number): Uint8Array {
  const secret = fromBinary(SecretSchema, value);
  const { type } = secret;
  const source =
    type.case === "tlsCertificate" ? type.value.certificateChain : type.case === "validationContext" ? type.value.trustedCa : undefined;
  if (source?.specifier.case === "inlineBytes") source.specifier = commented(source.specifier, occasion);
  else if ((type.case === "tlsCertificate" || type.case === "validationContext") && type.value.watchedDirectory !== undefined)
    type.value.watchedDirectory.path += folder(occasion);
  return toBinary(SecretSchema, secret);
}

/** Text between and behind certificates is a comment (RFC 7468, section 2). */
function commented({ value }: { readonly value: Uint8Array }, occasion: number): DataSource["specifier"] {
  return { case: "inlineBytes", value: Buffer.concat([value, Buffer.from(`\n${occasion}\n`)]) };
}

/** Behind a folder's path: `/` for each 0 and `/.` for each 1. */
function folder(occasion: number): string {
  return Array.from({ length: BITS }, (_, bit) => ((occasion >>> bit) & 1 ? "/." : "/")).join("");
}
