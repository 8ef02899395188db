import type { Evidences } from "./evidence.ts";

export const virtualService: Evidences = {
  "http.retries.attempts": "control/xds/types/route/retries.scenarios.ts: attempts alone say how often",
};
