import type { AdmissionMode } from "../admission/index.ts";
import type { ControlService } from "../control-service.ts";
import { formatPath, type Problem } from "../model/index.ts";

/** How changes are taken, and what is not applied because it would break something. */
export interface AdmissionStatus {
  readonly mode: AdmissionMode;
  readonly refused: readonly {
    /** `directory mesh/`. */
    readonly source: string;
    /** Milliseconds since 1970. */
    readonly since: number;
    readonly files: readonly string[];
    readonly problems: readonly (Omit<Problem, "path"> & { readonly path: string })[];
  }[];
}

export function admissionStatus(service: ControlService): AdmissionStatus {
  const { mode, refused } = service.admissionStatus();
  const told = refused.map((set) => ({ ...set, problems: set.problems.map((each) => ({ ...each, path: formatPath(each.path) })) }));
  return { mode, refused: told };
}
