/** Small files that hold secrets: replaced as a whole, for their owner alone, and read only where they are whole. */
export { lockDirectory } from "./directory-lock.ts";
export { makeDirectory } from "./make-directory.ts";
export { readSealed, type SealedFormat, writeSealed } from "./sealed-file.ts";
