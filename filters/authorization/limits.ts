/** Past these a value counts as one that cannot be decoded, so that the request is denied where a rule looks at it. */
export namespace Limits {
  /** Bytes of a SPIFFE id (SPIFFE-ID, section 2.3, allows 2,048). */
  export const PRINCIPAL: i32 = 2048;
  /** Bytes of what `authentication` hands over. */
  export const TOKEN: i32 = 1 << 18;
  /** Levels of objects and lists within it. */
  export const TOKEN_DEPTH: i32 = 64;
}
