import { constants, createHmac, createPrivateKey, createPublicKey, type KeyObject, sign as signBytes } from "node:crypto";
import { CompactSign } from "jose";
import { HOBBIT_RSA_PRIVATE_KEY } from "./rsa-keys.mts";
import { ALGORITHMS, FUTURE, ISSUER, type SigningAlgorithm, type SigningKey, signingKey } from "./tokens.mts";

/**
 * What attackers send: each token is signed with a key that is trusted, by `jose` where that lets it be made, so that what is refused is refused for
 * what it says. For every algorithm; an attack that an algorithm does not know makes nothing.
 */
export interface Mutation {
  readonly name: string;
  /** `%RESPONSE_CODE_DETAILS%`; `undefined` for a token that must pass. */
  readonly details: string | undefined;
  readonly make: (key: SigningKey) => Promise<string | undefined> | string | undefined;
}

export const AUDIENCE = "reviews";
const GOOD = { iss: ISSUER, sub: "ann", aud: AUDIENCE, exp: FUTURE };

/** The keys that the filter trusts: one for each algorithm, and the same again as ones that must not verify. */
export const KEYS: readonly SigningKey[] = await Promise.all(ALGORITHMS.map((alg) => signingKey(alg)));
const others = new Map(await Promise.all(ALGORITHMS.map(async (alg) => [alg, await foreignKey(alg)] as const)));
export const KEY_SET = JSON.stringify({
  keys: KEYS.flatMap(({ jwk }) => [
    jwk,
    { ...jwk, kid: `${jwk.kid} enc`, use: "enc" },
    { ...jwk, kid: `${jwk.kid} ops`, key_ops: ["sign"] },
  ]),
});

/** A key of the same kind that nobody trusts. */
async function foreignKey(alg: SigningAlgorithm): Promise<SigningKey> {
  if (alg.startsWith("HS")) return { ...(await signingKey(alg)), privateKey: new Uint8Array(64) };
  if (alg.startsWith("E")) return signingKey(alg);
  return { ...(await signingKey(alg)), privateKey: createPrivateKey({ key: HOBBIT_RSA_PRIVATE_KEY, format: "jwk" }) };
}

const encode = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const headerOf = ({ alg, jwk }: SigningKey) => ({ alg, kid: jwk.kid ?? "" });

/** Signed by `jose`. A payload that is text or bytes stands there as it is. */
function signed(key: SigningKey, payload: object | string | Uint8Array, privateKey = key.privateKey): Promise<string> {
  const bytes = payload instanceof Uint8Array ? payload : Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload));
  return new CompactSign(bytes).setProtectedHeader(headerOf(key)).sign(privateKey);
}

/** A good token for each key: to make one of ES512 takes two milliseconds. */
const goodTokens = new Map(await Promise.all(KEYS.map(async (key) => [key, await signed(key, GOOD)] as const)));
const good = (key: SigningKey): string => goodTokens.get(key) ?? "";

/** With exactly this header, which `jose` would not write; the signature is good. */
function withHeader(key: SigningKey, header: object | string | Uint8Array, payload: object | string = GOOD): string {
  const text = header instanceof Uint8Array ? Buffer.from(header).toString("base64url") : encode(header);
  const message = `${text}.${encode(payload)}`;
  return `${message}.${signatureOf(key, Buffer.from(message)).toString("base64url")}`;
}

function signatureOf({ alg, privateKey }: SigningKey, message: Buffer): Buffer {
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith("HS"))
    return createHmac(hash, privateKey as Uint8Array)
      .update(message)
      .digest();
  const key = privateKey as KeyObject;
  if (alg === "EdDSA") return signBytes(null, message, key);
  if (alg.startsWith("ES")) return signBytes(hash, message, { key, dsaEncoding: "ieee-p1363" });
  if (alg.startsWith("RS")) return signBytes(hash, message, key);
  return signBytes(hash, message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
}

/** A good token with another signature. */
async function resigned(key: SigningKey, change: (signature: Buffer, message: Buffer) => Buffer | undefined): Promise<string | undefined> {
  const [head, payload, signature] = parts(good(key));
  const changed = change(Buffer.from(signature, "base64url"), Buffer.from(`${head}.${payload}`));
  return changed === undefined ? undefined : `${head}.${payload}.${changed.toString("base64url")}`;
}

const parts = (token: string) => token.split(".") as [string, string, string];
const halves = (signature: Buffer) => [signature.subarray(0, signature.length / 2), signature.subarray(signature.length / 2)] as const;
const isEc = ({ alg }: SigningKey) => alg.startsWith("ES");

/** Text whose last character carries bits that no byte has, set; `undefined` where it has none. */
function withTrailingBits(text: string): string | undefined {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return text.length % 4 === 0 ? undefined : text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) ?? "") + 1];
}

/** The next hash of the same family. */
const neighbour = ({ alg }: SigningKey) =>
  alg === "EdDSA" ? undefined : alg.slice(0, 2) + ({ 256: 384, 384: 512, 512: 256 }[alg.slice(2)] ?? "");

function mutation(name: string, details: string | undefined, make: Mutation["make"]): Mutation {
  return { name, details: details === undefined ? undefined : `authentication_${details}`, make };
}

const headers: readonly Mutation[] = [
  ...["none", "None", "NONE", "nOnE", ""].flatMap((alg) => [
    mutation(`alg ${JSON.stringify(alg)}`, "token_malformed", () => `${encode({ alg })}.${encode(GOOD)}.`),
    mutation(`alg ${JSON.stringify(alg)} with a signature`, "algorithm", (key) => withHeader(key, { ...headerOf(key), alg })),
  ]),
  mutation("alg in lower case", "algorithm", (key) => withHeader(key, { ...headerOf(key), alg: key.alg.toLowerCase() })),
  mutation("alg no string", "algorithm", (key) => withHeader(key, { ...headerOf(key), alg: [key.alg] })),
  mutation("no alg", "algorithm", (key) => withHeader(key, { kid: key.jwk.kid })),
  mutation("HS/RS key confusion", "unknown_key", (key) => {
    if (key.alg.startsWith("HS")) return undefined;
    const pem = createPublicKey(key.privateKey as KeyObject).export({ type: "spki", format: "pem" });
    return withHeader({ ...key, alg: "HS256", privateKey: Buffer.from(pem) }, { ...headerOf(key), alg: "HS256" });
  }),
  mutation("alg of another family", "unknown_key", (key) =>
    withHeader(key, { ...headerOf(key), alg: key.alg.startsWith("HS") ? "RS256" : key.alg.startsWith("E") ? "PS256" : "ES256" }),
  ),
  mutation("alg against the key's alg", "unknown_key", (key) => {
    const alg = neighbour(key) as SigningAlgorithm | undefined;
    return alg === undefined ? undefined : withHeader({ ...key, ...(!isEc(key) && { alg }) }, { ...headerOf(key), alg });
  }),
  mutation("alg against the key's use", "unknown_key", (key) => withHeader(key, { ...headerOf(key), kid: `${key.jwk.kid} enc` })),
  mutation("alg against the key's key_ops", "unknown_key", (key) => withHeader(key, { ...headerOf(key), kid: `${key.jwk.kid} ops` })),
  mutation("embedded jwk", "token_header_unsupported", (key) => {
    const other = others.get(key.alg) ?? key;
    return withHeader(other, { ...headerOf(key), jwk: other.jwk });
  }),
  mutation("jku", "token_header_unsupported", (key) => withHeader(key, { ...headerOf(key), jku: "https://evil.example.com/keys" })),
  mutation("x5u", "token_header_unsupported", (key) => withHeader(key, { ...headerOf(key), x5u: "https://evil.example.com/cert" })),
  mutation("x5c", "token_header_unsupported", (key) => withHeader(key, { ...headerOf(key), x5c: ["MIIB"] })),
  mutation("unknown crit", "token_header_unsupported", (key) => withHeader(key, { ...headerOf(key), crit: ["x"], x: 1 })),
  mutation("empty crit", "token_header_unsupported", (key) => withHeader(key, { ...headerOf(key), crit: [] })),
  mutation("b64: false", "token_header_unsupported", (key) => withHeader(key, { ...headerOf(key), b64: false, crit: ["b64"] })),
  mutation("enc in three parts", "token_header_unsupported", (key) => withHeader(key, { ...headerOf(key), enc: "A256GCM" })),
  mutation("zip", "token_header_unsupported", (key) => withHeader(key, { ...headerOf(key), zip: "DEF" })),
  mutation("kid as path", "unknown_key", (key) => withHeader(key, { ...headerOf(key), kid: "../../../dev/null" })),
  mutation("kid as SQL", "unknown_key", (key) => withHeader(key, { ...headerOf(key), kid: "x' UNION SELECT 'secret' --" })),
  mutation("kid empty", "unknown_key", (key) => withHeader(key, { ...headerOf(key), kid: "" })),
  mutation("kid with NUL", "unknown_key", (key) => withHeader(key, { ...headerOf(key), kid: `${key.jwk.kid}\0` })),
  mutation("kid null", "token_header", (key) => withHeader(key, { ...headerOf(key), kid: null })),
  mutation("kid duplicate", "token_header", (key) => withHeader(key, `{"alg":"${key.alg}","kid":"x","kid":"${key.jwk.kid}"}`)),
  mutation("bad UTF-8 in the header", "token_header", (key) => withHeader(key, Buffer.from(`{"alg":"${key.alg}","x":"\xff"}`, "latin1"))),
  mutation("a header that is a list", "token_header", (key) => withHeader(key, [headerOf(key)])),
  mutation("no kid", undefined, (key) => withHeader(key, { alg: key.alg })),
  mutation("typ and cty", undefined, (key) => withHeader(key, { ...headerOf(key), typ: "at+jwt", cty: "JWT" })),
];

const signatures: readonly Mutation[] = [
  mutation("psychic signature of zeros (CVE-2022-21449)", "signature", (key) =>
    resigned(key, (signature) => Buffer.alloc(signature.length)),
  ),
  mutation("zero r", "signature", (key) =>
    resigned(key, (raw) => (isEc(key) ? Buffer.concat([Buffer.alloc(raw.length / 2), halves(raw)[1]]) : undefined)),
  ),
  mutation("zero s", "signature", (key) =>
    resigned(key, (raw) => (isEc(key) ? Buffer.concat([halves(raw)[0], Buffer.alloc(raw.length / 2)]) : undefined)),
  ),
  mutation("too large r and s", "signature", (key) => resigned(key, (raw) => Buffer.alloc(raw.length, 0xff))),
  mutation("a signature in DER", "signature", (key) =>
    resigned(key, (_, message) =>
      isEc(key) ? signBytes(`sha${key.alg.slice(2)}`, message, { key: key.privateKey as KeyObject, dsaEncoding: "der" }) : undefined,
    ),
  ),
  mutation("a byte too many behind", "signature", (key) => resigned(key, (raw) => Buffer.concat([raw, Buffer.alloc(1)]))),
  mutation("a byte too many in front", "signature", (key) => resigned(key, (raw) => Buffer.concat([Buffer.alloc(1), raw]))),
  mutation("a byte too few", "signature", (key) => resigned(key, (raw) => raw.subarray(1))),
  mutation("a signature of one byte", "signature", (key) => resigned(key, (raw) => raw.subarray(0, 1))),
  mutation("a changed bit", "signature", (key) => resigned(key, (raw) => (raw.writeUInt8(raw.readUInt8(9) ^ 4, 9), raw))),
  mutation("the signature of another payload", "signature", async (key) => {
    const [head, payload] = parts(await signed(key, { ...GOOD, sub: "admin" }));
    return `${head}.${payload}.${parts(good(key))[2]}`;
  }),
  mutation("another's key", "signature", (key) => signed(key, GOOD, (others.get(key.alg) ?? key).privateKey)),
];

const forms: readonly Mutation[] = [
  mutation("JWE", "token_malformed", () => `${encode({ alg: "RSA-OAEP", enc: "A256GCM" })}.AAAA.AAAA.AAAA.AAAA`),
  mutation("JSON serialisation", "token_malformed", async (key) => {
    const [head, payload, signature] = parts(good(key));
    return JSON.stringify({ protected: head, payload, signature });
  }),
  mutation("an empty header", "token_malformed", (key) => good(key).replace(/^[^.]+/, "")),
  mutation("an empty payload", "token_malformed", (key) => good(key).replace(/\.[^.]+\./, "..")),
  mutation("no signature", "token_malformed", (key) => good(key).replace(/[^.]+$/, "")),
  mutation("two parts", "token_malformed", (key) => good(key).replace(/\.[^.]+$/, "")),
  mutation("four parts", "token_malformed", (key) => `${good(key)}.AAAA`),
  mutation("base64 padding of the signature", "token_malformed", (key) => `${good(key)}=`),
  mutation("base64 padding of the payload", "token_payload", (key) => good(key).replace(/\.([^.]+)\./, ".$1=.")),
  mutation("base64 padding of the header", "token_header", (key) => good(key).replace(".", "=.")),
  mutation("base64 white space in the signature", "token_malformed", (key) => good(key).replace(/.$/, " $&")),
  mutation("base64 white space in the payload", "token_payload", (key) => good(key).replace(/\.([^.]+)\./, ".$1 .")),
  mutation("base64 white space in the header", "token_header", (key) => good(key).replace(".", " .")),
  mutation("base64 +/ in the signature", "token_malformed", (key) => good(key).replace(/..$/, "+/")),
  mutation("base64 +/ in the payload", "token_payload", (key) => good(key).replace(/\...([^.]+)\./, ".+/$1.")),
  mutation("base64 trailing bits of the signature", "token_malformed", async (key) => {
    const [head, payload, signature] = parts(good(key));
    const changed = withTrailingBits(signature);
    return changed === undefined ? undefined : `${head}.${payload}.${changed}`;
  }),
  mutation("base64 trailing bits of the payload", "token_payload", async (key) => {
    // One byte more where the length is a multiple of three.
    const text = JSON.stringify(GOOD);
    const [head, payload, signature] = parts(await signed(key, text.length % 3 === 0 ? `${text} ` : text));
    return `${head}.${withTrailingBits(payload)}.${signature}`;
  }),
  mutation("a giant token", "token_too_large", (key) => signed(key, { ...GOOD, x: "x".repeat(20_000) })),
  mutation("a large token", undefined, (key) => signed(key, { ...GOOD, x: "x".repeat(8_000) })),
];

const payloads: readonly Mutation[] = [
  mutation("duplicate members", "token_payload", (key) => signed(key, `{"iss":"${ISSUER}","sub":"ann","sub":"admin"}`)),
  mutation("duplicate members, once escaped", "token_payload", (key) => signed(key, `{"iss":"${ISSUER}","sub":"ann","s\\u0075b":"admin"}`)),
  mutation("duplicate members, nested", "token_payload", (key) => signed(key, `{"iss":"${ISSUER}","a":{"b":1,"b":2}}`)),
  mutation("bad UTF-8", "token_payload", (key) => signed(key, Buffer.from(`{"iss":"${ISSUER}","x":"\xff"}`, "latin1"))),
  mutation("overlong UTF-8", "token_payload", (key) => signed(key, Buffer.from(`{"iss":"${ISSUER}","x":"\xc0\xaf"}`, "latin1"))),
  mutation("NUL", "token_payload", (key) => signed(key, `{"iss":"${ISSUER}","x":"\0"}`)),
  mutation("NUL behind", "token_payload", (key) => signed(key, `${JSON.stringify(GOOD)}\0`)),
  mutation("BOM", "token_payload", (key) => signed(key, `\ufeff${JSON.stringify(GOOD)}`)),
  mutation("no JSON", "token_payload", (key) => signed(key, "iss=ann")),
  mutation("a list", "token_payload", (key) => signed(key, [GOOD])),
  mutation("deep nesting", "token_payload", (key) => signed(key, `{"iss":"${ISSUER}","x":${"[".repeat(300)}${"]".repeat(300)}}`)),
  ...[String(FUTURE), null, true, [], {}].map((exp) =>
    mutation(`exp ${JSON.stringify(exp)}`, "token_payload", (key) => signed(key, { ...GOOD, exp })),
  ),
  ...["1e400", "-1e400", "99999999999999999999"].map((exp) =>
    mutation(`exp ${exp}`, "token_payload", (key) => signed(key, `{"iss":"${ISSUER}","exp":${exp}}`)),
  ),
  ...["-1", "0", "-0", "1", "1e1", "0.5"].map((exp) =>
    mutation(`exp ${exp}`, "expired", (key) => signed(key, `{"iss":"${ISSUER}","exp":${exp}}`)),
  ),
  mutation("nbf in the future", "not_yet_valid", (key) => signed(key, { ...GOOD, nbf: FUTURE })),
  mutation("nbf as string", "token_payload", (key) => signed(key, { ...GOOD, nbf: "1" })),
  mutation("nbf -1", undefined, (key) => signed(key, { ...GOOD, nbf: -1 })),
  mutation("iat in the future", "not_yet_valid", (key) => signed(key, { ...GOOD, iat: FUTURE })),
  mutation("iat as string", "token_payload", (key) => signed(key, { ...GOOD, iat: "1" })),
  mutation("iss prefix", "issuer", (key) => signed(key, { ...GOOD, iss: `${ISSUER}.evil.example.com` })),
  mutation("iss cut", "issuer", (key) => signed(key, { ...GOOD, iss: ISSUER.slice(0, -1) })),
  mutation("iss in another case", "issuer", (key) => signed(key, { ...GOOD, iss: ISSUER.toUpperCase() })),
  mutation("iss with NUL", "issuer", (key) => signed(key, { ...GOOD, iss: `${ISSUER}\0` })),
  mutation("iss empty", "issuer", (key) => signed(key, { ...GOOD, iss: "" })),
  mutation("iss as list", "token_payload", (key) => signed(key, { ...GOOD, iss: [ISSUER] })),
  mutation("no iss", "issuer", (key) => signed(key, { sub: "ann", aud: AUDIENCE })),
  mutation("sub as number", "token_payload", (key) => signed(key, { ...GOOD, sub: 1 })),
  mutation("empty sub", undefined, (key) => signed(key, { ...GOOD, sub: "" })),
  mutation("aud as string", undefined, (key) => signed(key, { ...GOOD, aud: `https://${AUDIENCE}/` })),
  mutation("aud as list", undefined, (key) => signed(key, { ...GOOD, aud: ["other", AUDIENCE] })),
  mutation("aud of another", "audience", (key) => signed(key, { ...GOOD, aud: "other" })),
  mutation("aud that begins alike", "audience", (key) => signed(key, { ...GOOD, aud: `${AUDIENCE}2` })),
  mutation("aud list without it", "audience", (key) => signed(key, { ...GOOD, aud: ["other", `x${AUDIENCE}`] })),
  mutation("empty aud list", "audience", (key) => signed(key, { ...GOOD, aud: [] })),
  mutation("aud that joins several", "audience", (key) => signed(key, { ...GOOD, aud: `other,${AUDIENCE}` })),
  mutation("aud list with a number", "token_payload", (key) => signed(key, { ...GOOD, aud: [AUDIENCE, 1] })),
  mutation("aud null", "token_payload", (key) => signed(key, { ...GOOD, aud: null })),
  mutation("no aud", "audience", (key) => signed(key, { iss: ISSUER, sub: "ann" })),
  mutation("nothing", undefined, good),
];

export const MUTATIONS: readonly Mutation[] = [...headers, ...signatures, ...forms, ...payloads];

/** A configuration that trusts {@link KEYS}. */
export const CONFIGURATION = { jwtRules: [{ issuer: ISSUER, jwks: KEY_SET, audiences: [AUDIENCE] }], required: true };
