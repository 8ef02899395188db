import { Configurations, type Gate } from "./configuration/index.ts";
import { proofsOf, refusalOf, refusalTogether, refusedTogether } from "./gate/index.ts";
import type { Mesh } from "./mesh/index.ts";
import { type MeshObject, objectKey, type Problem, type Proxy } from "./model/index.ts";
import { Prover } from "./proof/index.ts";
import type { Snapshot } from "./xds/server/index.ts";
import type { MeshJudge } from "./read-mesh.ts";
import { XDS_TYPES } from "./xds/types/index.ts";

const FILTERS = XDS_TYPES.filter(({ name }) => name === "filter");

/** What the modules of filters make of a mesh, without a service. */
export class MeshProver implements MeshJudge, AsyncDisposable {
  private readonly prover = new Prover();

  /** Objects that modules refuse, each by itself. */
  async refused(mesh: Mesh): ReturnType<MeshJudge["refused"]> {
    const found: { object: MeshObject; problem: Problem }[] = [];
    for (const object of heard(mesh)) {
      const verdicts = await Promise.all(proofsOf(mesh, object, FILTERS).map((request) => this.prover.prove(request)));
      const refused = verdicts.find((verdict) => !verdict.good);
      if (refused?.good === false) found.push({ object, problem: refusalOf(object, refused.reason) });
    }
    return found;
  }

  /** What modules refuse of objects that they take each by itself, for the workloads of the mesh and those that its objects speak of. */
  async refusedTogether(mesh: Mesh): Promise<readonly Problem[]> {
    const refused = await refusedTogether(mesh, heard(mesh), FILTERS, (request) => this.prover.prove(request));
    return refused.map(({ object, resource, reason }) => refusalTogether(object, resource, reason));
  }

  /**
   * What a proxy that has nothing yet would get, with what goes in the place of what modules refuse.
   *
   * @throws what a translation throws, which is an error of ours
   */
  async translate(mesh: Mesh, proxy: Proxy): Promise<Snapshot> {
    const open = new Set<Promise<unknown>>();
    const gate: Gate = (_, { proofs = [] }) => {
      const verdicts = proofs.map((request) => {
        const verdict = this.prover.known(request);
        if (verdict === undefined) open.add(this.prover.prove(request));
        return verdict;
      });
      if (verdicts.includes(undefined)) return "pending";
      return verdicts.every((verdict) => verdict?.good === true) ? "good" : "refused";
    };
    const configurations = new Configurations(XDS_TYPES, mesh, gate);
    const failures = [...configurations.add(proxy).failures];
    while (open.size > 0) {
      await Promise.all(open);
      open.clear();
      failures.push(...configurations.settle().failures);
    }
    const [failure] = failures;
    if (failure !== undefined) throw failure.error;
    const snapshot = configurations.snapshotOf(proxy.id);
    if (snapshot === undefined) throw new Error(`no configuration of ${proxy.id}`);
    return snapshot;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.prover[Symbol.asyncDispose]();
  }
}

/** Objects that filters hear of. */
function heard(mesh: Mesh): readonly MeshObject[] {
  return [...mesh.allObjects()].filter((object) => {
    const { policies = [], plugins = [] } = mesh.contributed(objectKey(object)) ?? {};
    return policies.length + plugins.length > 0;
  });
}
