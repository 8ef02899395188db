/** Past these a value counts as one that cannot be decoded, so that the request is denied where a rule looks at it. */
export namespace Limits {
  /** Bytes of a SPIFFE id (SPIFFE-ID, section 2.3, allows 2,048). */
  export const PRINCIPAL: i32 = 2048;
  /** Bytes of a request's body that an external authoriser can be given. */
  export const CHECK_BODY: i64 = 1 << 20;
  /** Headers of a request that one over gRPC can be given; Envoy takes 100 unless told otherwise. */
  export const CHECK_HEADERS: i32 = 1_000;
  /** Bytes of its answer that are read: a `CheckResponse`, or the body of a denial. */
  export const ANSWER: i32 = 1 << 20;
  /** Headers and query parameters that one answer can change. */
  export const MUTATIONS: i32 = 1_000;
}
