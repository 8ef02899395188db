export { type Effect, type EffectKind, MOST_FIELDS, type ObjectReference, referenceTo } from "./effect.ts";
export { type EffectsOnProxies, type ExplainedResource, Explainer, type ResourceChoice } from "./explainer.ts";
export { explainObject, explainResources, type ObjectExplanation, type ResourceExplanation } from "./explanation.ts";
export { proxiesOfMesh } from "./proxies-of-mesh.ts";
export type { PatchReference } from "./patches.ts";
