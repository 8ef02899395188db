/** Join tokens: what a workload that has nothing else proves its identity with, once or a bounded number of times. */
export { type CreatedToken, type JoinToken, type JoinTokenRequest, JoinTokens, type JoinTokensOptions } from "./join-tokens.ts";
export { isJoinToken } from "./token-text.ts";
