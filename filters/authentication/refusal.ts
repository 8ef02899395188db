import { arena, Bytes, Text } from "../sdk";

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

const PREFIX = Bytes.of("authentication_");
/** `details`, from {@link Refusal.Missing} on, without the prefix that all have. */
const DETAILS = Text.list(
  "missing several_tokens token_malformed token_too_large token_header token_header_unsupported algorithm token_payload issuer not_yet_valid expired audience no_keys unknown_key signature too_many_keys api_key",
);

/** By refusal. Nothing of a token stands in them. */
const DESCRIPTIONS = Text.list(
  `valid
waiting for keys
Jwt is missing
Several tokens where one may stand
Jwt is not in the form of Header.Payload.Signature
Jwt is too large
Jwt header is an invalid Base64url encoded or is an invalid JSON
Jwt header has a field that is not supported
Jwt header [alg] is not supported
Jwt payload is an invalid Base64url encoded or is an invalid JSON
Jwt issuer is not configured
Jwt not yet valid
Jwt is expired
Audiences in Jwt are not allowed
Jwks remote fetch is failed
Jwks doesn't have key to match kid or alg from Jwt
Jwt verification fails
Jwks has too many keys that could have signed the Jwt
API key is not known`,
  0x0a,
);

const CHALLENGE_MISSING_LENGTH = 25;
const CHALLENGE = Bytes.of('Bearer realm="meshwright", error="invalid_token", error_description="');

/** `%RESPONSE_CODE_DETAILS%`. */
export function detailsOf(refusal: Refusal): Bytes {
  const name = DETAILS[refusal - Refusal.Missing].bytes;
  const prefix = PREFIX;
  const details = arena.allocate(<usize>(prefix.length + name.length));
  memory.copy(details, prefix.pointer, <usize>prefix.length);
  memory.copy(details + <usize>prefix.length, name.pointer, <usize>name.length);
  return Bytes.view(details, prefix.length + name.length);
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
  return refusal == Refusal.Missing ? CHALLENGE.slice(0, CHALLENGE_MISSING_LENGTH) : CHALLENGE;
}
