// What is bounded, and by how much. The page lists these.

/** Rules of one cluster, those of `outlierDetection` among them: their counters have a place each in a host's record. */
export const MAX_RULES: i32 = 16;
/** Rules that look into bodies; each keeps its place in the stream's body. */
export const MAX_BODY_RULES: i32 = 4;
/** Bytes of a body that a marker is looked for in. */
export const MAX_BODY_BYTES: i64 = 1 << 20;
/** Bytes of a response that are held back; below Envoy's `per_connection_buffer_limit_bytes` of 1 MiB. */
export const MAX_HOLD_BYTES: i64 = 1 << 18;
export const MAX_HOLD_TIME: i64 = 60_000;
/** Clusters of a root. Attempts to more go on unjudged. */
export const MAX_CLUSTERS: i32 = 1_024;
