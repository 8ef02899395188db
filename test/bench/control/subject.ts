import type { Variant } from "../../../control/xds/server/index.ts";
import type { MeasuredProcess } from "./measured-process.ts";
import type { MeshEdit, MeshFiles } from "./mesh-files.ts";

/** Something that serves the mesh of some files to proxies, in a process of its own. */
export interface Subject extends AsyncDisposable {
  readonly process: MeasuredProcess;
  /** Where proxies connect on 127.0.0.1. */
  readonly port: number;
  /** Carries an edit out; `generation` makes it another than those before. Gives the moment (of `performance`) at which the change happened. */
  change(edit: MeshEdit, index: number, generation: number): Promise<number>;
}

/** One line of comparison. */
export interface Contender {
  readonly id: string;
  readonly title: string;
  readonly variant: Variant;
  /** Changes of each kind that are measured, at most. Default: as many as there are rounds. */
  readonly rounds?: number;
  readonly start: (files: MeshFiles) => Promise<Subject>;
}
