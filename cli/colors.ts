import type { WriteStream } from "node:tty";
import colors from "picocolors";

/** The colours of what is written to `stream`: on a terminal only, and there as Node reads `NO_COLOR`, `FORCE_COLOR` and `TERM`. */
export function colorsOf(stream: WriteStream): ReturnType<typeof colors.createColors> {
  // Not a terminal: `isTTY` is undefined, which `createColors` takes for "where colours are supported", that is everywhere under `CI`.
  return colors.createColors(stream.isTTY === true && stream.hasColors());
}
