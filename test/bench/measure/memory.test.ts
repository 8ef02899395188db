import { mixed, mixedMesh } from "../variants/mixed.ts";
import { FLOOD } from "../variants/ratelimit.ts";
import { testFlatMemory } from "./flat-memory.ts";

testFlatMemory([
  ["mixed requests through authentication and authorization", mixed],
  ["mixed requests through six filters inside mesh", mixedMesh],
  ["requests of which most are of a new client through ratelimit", async () => FLOOD],
]);
