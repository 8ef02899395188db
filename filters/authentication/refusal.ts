import { Bytes, Text } from "../sdk";

/** Why a request is refused, or that it is not. The texts are those of Envoy's jwt_authn where it has one. */
export const enum Refusal {
  None,
  /** No decision yet: keys are being fetched. */
  Pending,
  Missing,
  SeveralTokens,
  Malformed,
  TooLarge,
  BadHeader,
  UnsupportedHeader,
  UnknownAlgorithm,
  BadPayload,
  UnknownIssuer,
  NotYetValid,
  Expired,
  Audience,
  NoKeys,
  UnknownKey,
  BadSignature,
  TooManyKeys,
  BadApiKey,
}

/** `details` and `description` by refusal; nothing of a token stands in them. */
const DETAILS: StaticArray<Text> = [
  Text.of(""),
  Text.of(""),
  Text.of("authentication_missing"),
  Text.of("authentication_several_tokens"),
  Text.of("authentication_token_malformed"),
  Text.of("authentication_token_too_large"),
  Text.of("authentication_token_header"),
  Text.of("authentication_token_header_unsupported"),
  Text.of("authentication_algorithm"),
  Text.of("authentication_token_payload"),
  Text.of("authentication_issuer"),
  Text.of("authentication_not_yet_valid"),
  Text.of("authentication_expired"),
  Text.of("authentication_audience"),
  Text.of("authentication_no_keys"),
  Text.of("authentication_unknown_key"),
  Text.of("authentication_signature"),
  Text.of("authentication_too_many_keys"),
  Text.of("authentication_api_key"),
];

const DESCRIPTIONS: StaticArray<Text> = [
  Text.of("valid"),
  Text.of("waiting for keys"),
  Text.of("Jwt is missing"),
  Text.of("Several tokens where one may stand"),
  Text.of("Jwt is not in the form of Header.Payload.Signature"),
  Text.of("Jwt is too large"),
  Text.of("Jwt header is an invalid Base64url encoded or is an invalid JSON"),
  Text.of("Jwt header has a field that is not supported"),
  Text.of("Jwt header [alg] is not supported"),
  Text.of("Jwt payload is an invalid Base64url encoded or is an invalid JSON"),
  Text.of("Jwt issuer is not configured"),
  Text.of("Jwt not yet valid"),
  Text.of("Jwt is expired"),
  Text.of("Audiences in Jwt are not allowed"),
  Text.of("Jwks remote fetch is failed"),
  Text.of("Jwks doesn't have key to match kid or alg from Jwt"),
  Text.of("Jwt verification fails"),
  Text.of("Jwks has too many keys that could have signed the Jwt"),
  Text.of("API key is not known"),
];

const CHALLENGE_MISSING = Text.of('Bearer realm="meshwright"');
const CHALLENGE_START = Text.of('Bearer realm="meshwright", error="invalid_token", error_description="');

/** `%RESPONSE_CODE_DETAILS%`. */
export function detailsOf(refusal: Refusal): Bytes {
  return unchecked(DETAILS[refusal]).bytes;
}

export function descriptionOf(refusal: Refusal): Bytes {
  return unchecked(DESCRIPTIONS[refusal]).bytes;
}

/** 403 for a wrong audience, as Envoy answers it; 401 for all else. */
export function statusOf(refusal: Refusal): u32 {
  return refusal == Refusal.Audience ? 403 : 401;
}

/** What stands before the description in `WWW-Authenticate` (RFC 6750, section 3): without an error where nothing was sent. */
export function challengeOf(refusal: Refusal): Bytes {
  return refusal == Refusal.Missing ? CHALLENGE_MISSING.bytes : CHALLENGE_START.bytes;
}
