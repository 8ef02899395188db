export { ClaimTexts } from "./claim-texts";
export { Claims, CLAIMS_STATE } from "./claims";
export { parseClaimPath } from "./path";
