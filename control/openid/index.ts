/** OpenID discovery (https://openid.net/specs/openid-connect-discovery-1_0.html, section 4): issuers of tokens are asked where their keys are, so that nobody has to write it. */
export { MeshIssuers, type MeshIssuersOptions } from "./mesh-issuers.ts";
