import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema, type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";

/**
 * A message of Envoy's API packed with its type URL, as every `typed_config` wants it. Maps are written in the order of their keys as inserted: give
 * them sorted where the bytes are compared.
 */
export function pack<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return create(AnySchema, { typeUrl: typeUrl(schema), value: toBinary(schema, create(schema, init)) });
}

/** The type URL of a message, as xDS names it: `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
export function typeUrl(schema: DescMessage): string {
  return `type.googleapis.com/${schema.typeName}`;
}

/** A span of time given in milliseconds. */
export function milliseconds(count: number): Duration {
  const seconds = Math.floor(count / 1000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: Math.round((count - seconds * 1000) * 1e6) });
}
