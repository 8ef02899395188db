import type { Case } from "../step.ts";
import { bodies } from "./bodies.ts";
import { callouts } from "./callouts.ts";
import { lateCallouts } from "./late-callouts.ts";
import { localResponses } from "./local-responses.ts";
import { metadata } from "./metadata.ts";
import { tcp } from "./tcp.ts";
import { traps } from "./traps.ts";
import { updates } from "./updates.ts";

/** By subject. */
export const SUBJECTS: Readonly<Record<string, readonly Case[]>> = {
  "bodies and their limits": bodies,
  "local responses and closed streams": localResponses,
  "traps and failure policies": traps,
  "configurations that are replaced": updates,
  "callouts and their failures": callouts,
  "callouts and timers of streams that are gone": lateCallouts,
  "METADATA of HTTP/2": metadata,
  "TCP connections": tcp,
};
