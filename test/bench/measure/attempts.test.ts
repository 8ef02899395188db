import { ATTEMPTS, ATTEMPTS_MESH } from "../variants/ejection.ts";
import { testFlatMemory } from "./flat-memory.ts";

testFlatMemory([
  ["attempts of every sort through ejection", async () => ATTEMPTS],
  ["attempts of every sort through ejection inside mesh", async () => ATTEMPTS_MESH],
]);
