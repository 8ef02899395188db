/** Identities and certificates that are good no more, before their end. */
export { type Revocation, Revocations, type RevocationsOptions } from "./revocations.ts";
