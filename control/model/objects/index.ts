export { type KindFound, Kinds } from "./kinds.ts";
export { metadata } from "./metadata.ts";
export { type ObjectChange, ObjectStore } from "./object-store.ts";
export { isStandIn, manifestOf, type ObjectRead, readObject } from "./read-object.ts";
