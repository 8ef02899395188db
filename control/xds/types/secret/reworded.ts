import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DataSource } from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { SecretSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";

/** Bits of the occasion that a path says. */
const BITS = 16;

/** The same secret in other words; see `ResourceTypeRules.reworded`. */
export function reworded(value: Uint8Array, occasion: number): Uint8Array {
  const secret = fromBinary(SecretSchema, value);
  const source =
    secret.type.case === "tlsCertificate"
      ? secret.type.value.certificateChain
      : secret.type.case === "validationContext"
        ? secret.type.value.trustedCa
        : undefined;
  if (source !== undefined) source.specifier = rewordedSource(source.specifier, occasion);
  return toBinary(SecretSchema, secret);
}

function rewordedSource(specifier: DataSource["specifier"], occasion: number): DataSource["specifier"] {
  switch (specifier.case) {
    case "inlineBytes":
      // Text between and behind certificates is a comment (RFC 7468, section 2).
      return { case: "inlineBytes", value: Buffer.concat([specifier.value, Buffer.from(`\n${occasion}\n`)]) };
    case "filename":
      return { case: "filename", value: rewordedPath(specifier.value, occasion) };
    default:
      return specifier;
  }
}

/** In the place of the last `/`: `/` for each 0 and `/.` for each 1, and `/`. */
function rewordedPath(path: string, occasion: number): string {
  const at = path.lastIndexOf("/");
  const said = Array.from({ length: BITS }, (_, bit) => ((occasion >>> bit) & 1 ? "/." : "/")).join("");
  return at < 0 ? `./${said.slice(1)}/${path}` : `${path.slice(0, at)}${said}/${path.slice(at + 1)}`;
}
