import { Bytes } from "../../lib/bytes";
import { Claims, CLAIMS_STATE } from "../../lib/claims";
import { Status } from "../abi/enums";
import { epoch } from "../hostcalls/epoch";
import { readProperty, setFilterState } from "../hostcalls/property";

let known: usize = 0;
let knownAt: u32 = 0;

/** What the `authentication` filter of the same chain verified; empty without it. Read and parsed once in a callback. */
export function verifiedClaims(): Claims {
  if (knownAt != epoch) remember(Claims.parse(readProperty(CLAIMS_STATE)));
  return changetype<Claims>(known);
}

/**
 * Hands over what was verified: `state` as the filter state that filters of other modules read, and `claims`, the same, to those of this module, which then
 * neither read nor parse it.
 */
export function setVerifiedClaims(state: Bytes, claims: Claims): Status {
  const status = setFilterState(CLAIMS_STATE, state);
  if (status == Status.Ok) remember(claims);
  return status;
}

function remember(claims: Claims): void {
  known = changetype<usize>(claims);
  knownAt = epoch;
}
