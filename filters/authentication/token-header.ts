import { decodeBase64Url } from "../lib/base64";
import { sameBytes } from "../lib/bytes";
import { JsonDocument, JsonKind } from "../lib/json";
import { Algorithm, parseAlgorithm } from "../lib/jwk";
import { Bytes, copyBytes, Text } from "../sdk";
import { Refusal } from "./refusal";
import { TOKEN_MAX_DEPTH, TOKEN_MAX_SIZE } from "./token-payload";

const ALG = Bytes.of("alg");
const KID = Bytes.of("kid");
/**
 * Members of a header that would change what is verified, or by which key (RFC 7515, section 4.1; RFC 7797; RFC 7516). None is supported, and none
 * is ignored: a key or the address of one that comes with the token proves nothing.
 */
const UNSUPPORTED = Text.list("crit b64 jwk jku x5u x5c enc zip");

/** Characters of a header that is remembered, at most. */
const LONGEST_KNOWN: i32 = 512;

/**
 * The tokens of an issuer have one header, to the last character, for as long as it signs by one key: the last good one is not read again. Its characters, then its `kid`,
 * which is never longer.
 */
const known: usize = heap.alloc(2 * <usize>LONGEST_KNOWN);
const knownKid = Bytes.of("");
let knownLength: i32 = 0;

let algorithm: Algorithm = Algorithm.Unknown;
let kid: Bytes | null = null;

/** How the token is signed that the last good {@link readHeader} read, and the name of the key; `null` where it names none. */
export function headerAlgorithm(): Algorithm {
  return algorithm;
}

export function headerKid(): Bytes | null {
  return kid;
}

/** Reads the first part of a token. */
export function readHeader(segment: Bytes): Refusal {
  const length = segment.length;
  if (length == knownLength && sameBytes(known, segment.pointer, <usize>length)) return Refusal.None;
  knownLength = 0;
  const refusal = parseHeader(segment);
  const name = kid;
  if (refusal != Refusal.None || length > LONGEST_KNOWN) return refusal;
  copyBytes(known, segment.pointer, <usize>length);
  knownLength = length;
  if (name == null) return refusal;
  knownKid.pointer = known + <usize>LONGEST_KNOWN;
  knownKid.length = name.length;
  copyBytes(knownKid.pointer, name.pointer, <usize>name.length);
  kid = knownKid;
  return refusal;
}

function parseHeader(segment: Bytes): Refusal {
  const source = decodeBase64Url(segment);
  if (source == null) return Refusal.BadHeader;
  const header = JsonDocument.parse(source, TOKEN_MAX_SIZE, TOKEN_MAX_DEPTH).root;
  if (header == null || header.kind != JsonKind.Object) return Refusal.BadHeader;
  for (let i = 0; i < UNSUPPORTED.length; i++) {
    if (header.member(unchecked(UNSUPPORTED[i]).bytes) != null) return Refusal.UnsupportedHeader;
  }
  const alg = header.member(ALG);
  algorithm = alg != null && alg.kind == JsonKind.String ? parseAlgorithm(alg.text) : Algorithm.Unknown;
  if (algorithm == Algorithm.Unknown) return Refusal.UnknownAlgorithm;
  const id = header.member(KID);
  if (id != null && id.kind != JsonKind.String) return Refusal.BadHeader;
  kid = id != null ? id.text : null;
  return Refusal.None;
}
