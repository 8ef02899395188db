/** Envoy's API in proto3 JSON, with Envoy's field names. */
export type Json = Readonly<Record<string, unknown>>;

/** Types of messages that are no extensions. */
export const CONFIG = "type.googleapis.com/envoy.config.";
const EXTENSIONS = "type.googleapis.com/envoy.extensions.";

/** An extension's message, named below `envoy.extensions.`, as `google.protobuf.Any`. */
export function typed(message: string, fields: Json = {}): Json {
  return { "@type": EXTENSIONS + message, ...fields };
}

/** A span of time as `google.protobuf.Duration`. */
export function seconds(count: number): string {
  return `${count}s`;
}
