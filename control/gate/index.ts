/** What lets resources out when modules have taken what is in them, and names the objects that they refuse. */
export { proofsOf } from "./objects.ts";
export { Proofs, type ProofsOptions } from "./proofs.ts";
export { refusedTogether } from "./together.ts";
export { refusalOf, refusalTogether } from "./refusal.ts";
