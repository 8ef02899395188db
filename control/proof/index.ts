/** What a filter will get is loaded into the very module before it is sent: what the module refuses, or dies of, never leaves. */
export { type ProofRequest, type ProvenModule, type Verdict } from "./request.ts";
export { Prover, type ProverOptions } from "./prover.ts";
