/** Small files that hold secrets: replaced as a whole, for their owner alone, and read only where they are whole. */
export { readSealed, type SealedFormat, writeSealed } from "./sealed-file.ts";
