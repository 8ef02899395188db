import { boolean, defaulted, list, object, optional, refused, required, text } from "../../model/fields/index.ts";
import { typedWorkloadSelector, wholeMilliseconds } from "../../model/parts/index.ts";
import { readJwksUri } from "../../model/index.ts";
import { wrongKeySet } from "./key-set.ts";

/** RFC 9110's `token`. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const GATEWAY_API = "objects of the Gateway API are not read; write a selector";

/** The filter compares with what stands in the request, so a pseudo-header such as `:path` would be one as well; nobody puts a token there. */
const headerName = text({
  shape: "name of a header",
  check: (name) => (TOKEN.test(name) ? undefined : `${JSON.stringify(name)} is no name of a header`),
});

const cookieName = text({
  shape: "name of a cookie",
  check: (name) => (TOKEN.test(name) ? undefined : `${JSON.stringify(name)} is no name of a cookie`),
});

/** Istio's `ValidateStrictHTTPHeaderName`. */
const strictHeaderName = text({
  shape: "name of a header",
  check: (name) =>
    /^[-_A-Za-z0-9]+$/.test(name) ? undefined : `${JSON.stringify(name)} must consist of letters, digits, "-" and "_" (as Istio has it)`,
});

const headerPrefix = text({
  empty: true,
  check: (value) => (/[\x00\r\n]/.test(value) ? "cannot stand in a header: it has a NUL or a line break" : undefined),
});

const spaceDelimitedClaim = text({
  check: (claim) =>
    claim === "scope" || claim === "permission"
      ? undefined
      : `the filters take only "scope" and "permission" for lists of words, and these always; have the issuer make a list of ${JSON.stringify(claim)}`,
});

export const selector = typedWorkloadSelector;

const tokenHeader = object({
  name: required(headerName, "Name of the header."),
  prefix: optional(headerPrefix, "What stands before the token, with the space: `Bearer `."),
});

const claimHeader = object({
  header: required(strictHeaderName, "Name of the header; what a client sends under it is removed."),
  claim: required(text(), "The claim; dots lead into objects."),
});

/** Of a rule what can be read by itself where other parts of it cannot: where tokens stand, and headers that nobody else may write. */
export const parts = { tokenHeader, param: text(), cookie: cookieName, payloadHeader: headerName, claimHeader };

const jwtRule = object(
  {
    issuer: optional(text(), "`iss` of the tokens, exactly."),
    audiences: defaulted(list(text()), [], "One of them must be in `aud`. Default: any."),
    jwksUri: optional(
      text({
        shape: "URI",
        check(value) {
          const read = readJwksUri(value);
          return typeof read === "string" ? read : undefined;
        },
      }),
      "Where proxies fetch the keys. Default: what `ISSUER/.well-known/openid-configuration` says.",
    ),
    jwks: optional(text({ shape: "JWK Set", check: wrongKeySet }), "The keys themselves: a JWK Set (RFC 7517) as text."),
    fromHeaders: defaulted(
      list(tokenHeader),
      [],
      "Headers in which tokens stand. Default, where none of the three is there: `Authorization: Bearer`, and `access_token` in the query.",
    ),
    fromParams: defaulted(list(parts.param), [], "Query parameters in which they stand."),
    fromCookies: defaulted(list(cookieName), [], "Cookies in which they stand."),
    outputPayloadToHeader: optional(headerName, "The header that gets the payload, in base64url as it stands in the token."),
    outputClaimToHeaders: defaulted(list(claimHeader), [], "Headers that get claims."),
    forwardOriginalToken: defaulted(boolean, false, "Whether the service gets the token."),
    timeout: optional(wholeMilliseconds, "Of one fetch of keys. Default: 5s."),
    spaceDelimitedClaims: defaulted(
      list(spaceDelimitedClaim),
      [],
      "Claims whose text is a list of words: `scope` and `permission` always are.",
    ),
  },
  { exclusive: [["jwks", "jwksUri"]] },
);

/** `istio.security.v1beta1.RequestAuthentication`. */
export const fields = object({
  selector: optional(selector, "Workloads that it is for. Default: all of the namespace; in the root namespace all of the mesh."),
  targetRef: refused(GATEWAY_API),
  targetRefs: refused(GATEWAY_API),
  jwtRules: defaulted(list(jwtRule), [], "Tokens that are taken; those of all RequestAuthentications that a workload has."),
});

export type RequestAuthenticationSpec = NonNullable<ReturnType<typeof fields.read>>;
export type JwtRuleSpec = RequestAuthenticationSpec["jwtRules"][number];
