import type { Registry } from "@bufbuild/protobuf";
import { Explainer, type ObjectReference, referenceTo } from "../../control/explain/index.ts";
import type { Mesh } from "../../control/mesh/index.ts";
import { type MeshObject, objectKey, type Proxy } from "../../control/model/index.ts";
import type { ExchangeRequest, ExchangeResult } from "../../harness/target/index.ts";
import { type Behaviour, behaviourOf, type Cause, causeOf } from "../diff/requests/behaviour.ts";
import { type CertainSnapshot, certainSnapshot } from "../diff/requests/certain.ts";
import { Progress } from "../diff/requests/progress.ts";
import { ensureEnvoy } from "../provide-envoy.ts";
import type { MeshOptions } from "../try/mesh/options.ts";
import { concernedObjects, type Sent } from "./concerned.ts";

/** Who made what became of a request. */
export interface RequestExplanation {
  readonly id?: string;
  readonly result: ExchangeResult;
  /** Those that decide first. */
  readonly objects: readonly (ObjectReference & {
    /** Rules of the object by which filters decided, as `result.decisions` has them. */
    readonly decides: readonly string[];
    /** How the request would be treated otherwise without the object; null where it would not be. */
    readonly without: Cause | null;
  })[];
}

/** A line of the input that is no request, or a request that could not be sent. */
export interface RequestFailure {
  readonly id?: string;
  readonly error: string;
}

export interface RequestsOptions extends Pick<MeshOptions, "direction" | "callouts"> {
  readonly mesh: Mesh;
  readonly proxy: Proxy;
}

/** Envoys at a time beside the first. */
const LANES = 2;

/**
 * Sends requests through what a proxy would get, then through what it would get without each object that comes into question, in a private Envoy each, and says what becomes of them. What is left to chance is settled
 * first, as by `meshwright diff`: a weight is a difference, the throw of a die is none.
 */
export async function explainRequests(
  requests: readonly ExchangeRequest[],
  options: RequestsOptions,
): Promise<readonly (RequestExplanation | RequestFailure)[]> {
  await ensureEnvoy();
  const { mesh, proxy } = options;
  const { registry } = await import("../../control/envoy-api/generated/registry.ts");
  const observed = await observe(requests, options);
  const sent = observed.filter((each) => "observed" in each);
  const explainer = await Explainer.of(mesh, [proxy]);
  const objects = concernedObjects(explainer, proxy, mesh.allObjects(), sent);

  const now = await behaviours(sent, options, registry);
  const without = new Map<MeshObject, readonly (Cause | undefined)[]>();
  using _progress = !process.stderr.isTTY
    ? undefined
    : new Progress(process.stderr, () => `without ${without.size} of ${objects.length} objects`);
  const left = [...objects];
  const lane = async (): Promise<void> => {
    for (let object = left.pop(); object !== undefined; object = left.pop()) {
      const { mesh: rest } = mesh.apply({ upserted: [], removed: [objectKey(object)] });
      const then = await behaviours(sent, { ...options, mesh: rest }, registry);
      without.set(
        object,
        now.map((before, index) => differenceOf(before, then[index] ?? before)),
      );
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));

  return observed.map((each) => {
    if (!("observed" in each)) return each;
    const { result } = each.observed;
    const index = sent.indexOf(each);
    const causes = new Map(Array.from(without, ([object, all]) => [object, all[index]]));
    return { ...(result.id === undefined ? {} : { id: result.id }), result, objects: explained(mesh, result, causes) };
  });
}

/** What a proxy does with requests as the mesh is, chance and all. */
async function observe(requests: readonly ExchangeRequest[], options: RequestsOptions): Promise<readonly (Sent | RequestFailure)[]> {
  await using target = await start(options);
  const seen: (Sent | RequestFailure)[] = [];
  for (const request of requests) {
    const failed = (error: unknown): RequestFailure => ({
      ...(request.id === undefined ? {} : { id: request.id }),
      error: messageOf(error),
    });
    seen.push(await target.observe(request).then((observed) => ({ request, observed }), failed));
  }
  return seen;
}

/** What it does with them when nothing is left to chance. A text says why a request could not be sent. */
async function behaviours(sent: readonly Sent[], options: RequestsOptions, registry: Registry): Promise<readonly (Behaviour | string)[]> {
  let certain: CertainSnapshot | undefined;
  await using target = await start(options, (snapshot) => (certain = certainSnapshot(snapshot, registry)).snapshot);
  const seen: (Behaviour | string)[] = [];
  for (const { request } of sent) {
    const behaviour = target.observe(request).then((observed) => behaviourOf(observed, certain ?? NO_FACTS));
    seen.push(await behaviour.catch(messageOf));
  }
  return seen;
}

const NO_FACTS: Pick<CertainSnapshot, "routes" | "faults"> = { routes: [], faults: new Map() };

async function start({ mesh, proxy, callouts, direction }: RequestsOptions, edit?: MeshOptions["edit"]) {
  const { startMesh } = await import("../try/mesh/index.ts");
  const { target } = await startMesh({
    files: mesh,
    proxy,
    callouts,
    ...(direction === undefined ? {} : { direction }),
    ...(edit === undefined ? {} : { edit }),
  });
  return target;
}

function differenceOf(now: Behaviour | string, without: Behaviour | string): Cause | undefined {
  if (typeof now !== "string" && typeof without !== "string") return causeOf(now, without);
  const answered = (each: Behaviour | string) => (typeof each === "string" ? each : each.answered);
  return answered(now) === answered(without) ? undefined : { aspect: "answered", before: answered(now), after: answered(without) };
}

function explained(
  mesh: Mesh,
  { decisions }: ExchangeResult,
  causes: ReadonlyMap<MeshObject, Cause | undefined>,
): RequestExplanation["objects"] {
  const rules = new Map<MeshObject, string[]>();
  for (const { object: named, rule } of decisions) {
    const object = named === undefined ? undefined : mesh.object(`${named.kind}/${named.namespace}/${named.name}`);
    if (object !== undefined) rules.set(object, [...(rules.get(object) ?? []), rule]);
  }
  const others = Array.from(causes, ([object, cause]) => (cause === undefined || rules.has(object) ? [] : [object])).flat();
  return [...rules.keys(), ...others.toSorted((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1))].map((object) => ({
    ...referenceTo(object),
    decides: rules.get(object) ?? [],
    without: causes.get(object) ?? null,
  }));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
