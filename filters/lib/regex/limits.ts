// What bounds the memory and the time of an expression. A pattern beyond them is refused when it is configured.

/** Bytes of a pattern. */
export const MAX_PATTERN: i32 = 4_096;
/** Groups inside each other, as RE2 and Go. */
export const MAX_DEPTH: i32 = 200;
/** Of `{n}`, also of nested ones multiplied, as RE2. */
export const MAX_REPEAT: i32 = 1_000;
/** Instructions of a program. A byte of input costs at most so many steps, on average one. */
export const MAX_PROGRAM: i32 = 4_000;
/** Bytes that the states of all expressions of a VM share. When they are used up, all states are forgotten and built anew as needed. */
export const STATE_MEMORY: usize = 512 * 1024;
/** How often that may happen during one match before the rest of it is done without remembering states. */
export const MAX_FLUSHES: i32 = 2;
