/**
 * - `spec`: what was declared is no mesh, or names what is not in it;
 * - `unavailable`: this machine lacks what the mesh needs (Envoy, addresses, a container engine);
 * - `taken`: a port is in use by another program;
 * - `exited`: a process ended, or did not get ready in time;
 * - `refused`: the control service or a proxy does not take the configuration.
 */
export type MeshErrorCode = "spec" | "unavailable" | "taken" | "exited" | "refused";

/** Last lines of a log that a message shows. */
const SHOWN = 20;

/** What went wrong with a mesh, and what the process logged in which it did. */
export class MeshError extends Error {
  readonly code: MeshErrorCode;
  /** Everything that the process logged, oldest first. */
  readonly logs: readonly string[];

  constructor(code: MeshErrorCode, message: string, logs: readonly string[] = [], options?: ErrorOptions) {
    const shown = logs.slice(-SHOWN).map((line) => `  ${line}`);
    const title = logs.length > SHOWN ? `its last ${SHOWN} of ${logs.length} lines` : "its log";
    super(logs.length === 0 ? message : `${message}; ${title}:\n${shown.join("\n")}`, options);
    this.name = "MeshError";
    this.code = code;
    this.logs = logs;
  }
}
