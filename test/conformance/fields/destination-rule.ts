import type { Evidences } from "./evidence.ts";

export const destinationRule: Evidences = {};
