import type { Policy } from "./policy.ts";

/** Which tokens workloads take, in the words of Istio's RequestAuthentication. */
export interface RequestAuthentication extends Policy {
  readonly rules: readonly JwtRule[];
}

/** Tokens of one issuer: where they stand, which keys have signed them, and what becomes of them. */
export interface JwtRule {
  /** `iss`, exactly. Undefined: any. */
  readonly issuer: string | undefined;
  /** Empty: any. */
  readonly audiences: readonly string[];
  readonly keys: JwtKeys;
  /** Without any of these three, Istio's places: `Authorization: Bearer`, then `access_token` in the query. */
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string | undefined }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  readonly outputPayloadToHeader: string | undefined;
  readonly outputClaimToHeaders: readonly { readonly header: string; readonly claim: string }[];
  readonly forwardOriginalToken: boolean;
  /** Of a fetch of keys, in milliseconds. Undefined: 5 s. */
  readonly timeout: number | undefined;
}

/**
 * Where the keys of a rule are: in the object itself, as JSON; at a URI; or where the issuer says by OpenID discovery.
 */
export type JwtKeys = { readonly jwks: string } | { readonly uri: JwksUri } | { readonly discovery: string };

/** What an issuer said, by OpenID discovery, of where its keys are. */
export interface IssuerKeys {
  /** The last that it said; undefined where it has not said anything that could be used. */
  readonly uri: JwksUri | undefined;
  /** Why it could not be asked the last time; undefined where it could. */
  readonly problem: string | undefined;
}

/** Where a key set is fetched. */
export interface JwksUri {
  /** As it is asked for: absolute, without user and fragment. */
  readonly uri: string;
  /** Whether by TLS. */
  readonly secure: boolean;
  /** In lower case; an address of IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Reads the URI of a key set; a text says what is wrong with it (Istio's `ParseJwksURI`). */
export function readJwksUri(text: string): JwksUri | string {
  const wrong = `${JSON.stringify(text)} is no URI of a key set`;
  if (!/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return `${wrong}; write https://HOST[:PORT]/PATH`;
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    return `${wrong}: its scheme is ${url.protocol.slice(0, -1)}, not http or https`;
  if (url.username !== "" || url.password !== "") return `${wrong}: it must not tell a user, whom nobody would be told of`;
  url.hash = "";
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  if (port === 0) return `${wrong}: 0 is no port`;
  return { uri: url.href.replaceAll("@", "%40"), secure, host: url.hostname.replace(/^\[|\]$/g, ""), port };
}
