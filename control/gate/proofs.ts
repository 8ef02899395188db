import type { Gate } from "../configuration/index.ts";
import type { Mesh } from "../mesh/index.ts";
import type { MeshObject } from "../model/index.ts";
import type { XdsType } from "../xds/types/index.ts";
import { proofsOf } from "./objects.ts";
import { type RefusedTogether, refusedTogether } from "./together.ts";
import type { Prover } from "../proof/prover.ts";
import { keyOf, type ProofRequest } from "../proof/request.ts";

export interface ProofsOptions {
  readonly prover: Prover;
  /** Types of which single objects are proved: those that hold filters. */
  readonly types: readonly XdsType[];
  /** Something is known that was not: the gate may say something else now. */
  readonly settled: () => void;
  /** Modules take objects by themselves, or never hear of them. */
  readonly confirmed: (objects: readonly MeshObject[]) => void;
  /** A module refuses an object by itself. */
  readonly refused: (object: MeshObject, reason: string) => void;
  /**
   * A module refuses a resource, though it takes each of its objects by itself; `newest` are those that came last. Called once for each content, until something changes that may
   * mend it.
   */
  readonly refusedTogether: (
    refusal: { readonly type: string; readonly resource: string; readonly reason: string },
    newest: readonly MeshObject[],
  ) => void;
  /** What was refused together is found out anew. */
  readonly changing: () => void;
}

/** Milliseconds that verdicts are gathered for while more of them are about to come. */
const GATHER = 20;
/** Resources of which it was told that they are refused. */
const MOST_TOLD = 1_000;

/**
 * Lets resources out when the modules have taken what is in them. Objects are proved as they come, each by itself, behind everything that a proxy waits for; where a resource is refused, the
 * verdict waits for those of the objects, so that the one which is to blame is known before anything is decided.
 */
export class Proofs {
  private readonly options: ProofsOptions;
  private readonly open = new Map<MeshObject, readonly ProofRequest[]>();
  private readonly told = new Set<string>();
  /** Kinds of objects that filters hear of. */
  private readonly kinds = new Set<string>();
  /** What came with the last change that filters hear of. */
  private newest = new Set<MeshObject>();
  private timer: NodeJS.Timeout | undefined;
  /** What resources wait for, by content. */
  private readonly awaited = new Set<string>();
  private waiting: (() => void)[] = [];

  constructor(options: ProofsOptions) {
    this.options = options;
  }

  readonly gate: Gate = (type, { name, proofs = [] }) => {
    let judgement: ReturnType<Gate> = "good";
    for (const request of proofs) {
      const verdict = this.options.prover.known(request);
      if (verdict === undefined) {
        if (judgement === "good") judgement = "pending";
        void this.find(request);
      } else if (!verdict.good) {
        if (this.open.size > 0) {
          this.hurry();
          return "pending";
        }
        this.tell(type.name, name, verdict.reason);
        judgement = "refused";
      }
    }
    return judgement;
  };

  /** A change is about to be put in force. */
  expect(objects: readonly MeshObject[], removed: readonly MeshObject[]): void {
    if (![...objects, ...removed].some(({ kind }) => this.kinds.has(kind))) return;
    this.told.clear();
    this.newest = new Set(objects.filter(({ kind }) => this.kinds.has(kind)));
    this.options.changing();
  }

  /** Has objects proved, each by itself. What a module refuses is handed to `refused`. */
  check(mesh: Mesh, objects: readonly MeshObject[]): void {
    const unheard: MeshObject[] = [];
    for (const object of objects) {
      const requests = proofsOf(mesh, object, this.options.types);
      if (requests.length === 0) {
        unheard.push(object);
        continue;
      }
      this.kinds.add(object.kind);
      this.newest.add(object);
      this.open.set(object, requests);
      void this.judge(object, requests);
    }
    this.options.confirmed(unheard);
  }

  /** Why modules refuse objects by themselves, which are not in force yet: the first reason of each. Those that nothing refuses are not among them. */
  async verdicts(mesh: Mesh, objects: readonly MeshObject[]): Promise<ReadonlyMap<MeshObject, string>> {
    const reasons = new Map<MeshObject, string>();
    const each = objects.map(async (object) => {
      const reason = await this.reasonAgainst(proofsOf(mesh, object, this.options.types), true);
      if (reason !== undefined) reasons.set(object, reason);
    });
    await Promise.all(each);
    return reasons;
  }

  /** What modules have against objects, which are not in force yet, with the others that hold for the same workloads, and did not have before. */
  together(mesh: Mesh, objects: readonly MeshObject[], before: Mesh): Promise<readonly RefusedTogether[]> {
    return refusedTogether(mesh, objects, this.options.types, (request) => this.options.prover.prove(request), before);
  }

  /** Resolves when nothing is to be found out. */
  async idle(): Promise<void> {
    this.hurry();
    while (this.open.size + this.awaited.size > 0 || this.timer !== undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.waiting.push(resolve);
      await promise;
    }
  }

  private async judge(object: MeshObject, requests: readonly ProofRequest[]): Promise<void> {
    const reason = await this.reasonAgainst(requests, false);
    this.open.delete(object);
    if (reason === undefined) this.options.confirmed([object]);
    else this.options.refused(object, reason);
    this.settleSoon();
  }

  private async reasonAgainst(requests: readonly ProofRequest[], urgent: boolean): Promise<string | undefined> {
    const verdicts = await Promise.all(requests.map((request) => this.options.prover.prove(request, urgent)));
    const refusal = verdicts.find((verdict) => !verdict.good);
    return refusal?.good === false ? refusal.reason : undefined;
  }

  private async find(request: ProofRequest): Promise<void> {
    const key = keyOf(request);
    if (this.awaited.has(key)) return;
    this.awaited.add(key);
    await this.options.prover.prove(request);
    this.awaited.delete(key);
    this.settleSoon();
  }

  /** Somebody waits for what is known of the objects. */
  private hurry(): void {
    for (const requests of this.open.values()) for (const request of requests) void this.options.prover.prove(request);
  }

  private settleSoon(): void {
    if (this.awaited.size + this.open.size === 0) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.settle();
    } else
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        this.settle();
      }, GATHER);
  }

  private settle(): void {
    this.options.settled();
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  private tell(type: string, resource: string, reason: string): void {
    const key = `${type} ${resource} ${reason}`;
    if (this.told.has(key)) return;
    if (this.told.size >= MOST_TOLD) this.told.clear();
    this.told.add(key);
    this.options.refusedTogether({ type, resource, reason }, [...this.newest]);
  }
}
