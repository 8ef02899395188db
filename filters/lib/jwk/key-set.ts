import { Bytes } from "../bytes";
import { JsonDocument, jsonErrorMessage, JsonKind } from "../json";
import { decimal } from "../number";
import { JsonWebKey, keyProblem, parseKey } from "./key";

/** Bytes of a key set, and keys in it, at most. */
export const KEY_SET_MAX_SIZE: i32 = 256 * 1024;
export const KEY_SET_MAX_KEYS: i32 = 256;
const MAX_DEPTH: i32 = 16;
const KEYS = Bytes.of("keys");

/** The keys of a JWK Set (RFC 7517, section 5) that can verify; others are left out, as section 5 asks. */
@final
export class KeySet {
  readonly keys: Array<JsonWebKey> = new Array<JsonWebKey>();
  /** What is wrong with the whole; `null` where it is usable. */
  problem: string | null = null;

  /** Never `null`: {@link problem} tells. A set without a key that can verify is one with a problem. */
  static parse(source: Bytes): KeySet {
    const set = new KeySet();
    set.problem = set.read(source);
    return set;
  }

  private read(source: Bytes): string | null {
    if (source.length > KEY_SET_MAX_SIZE) return "a key set of more than " + decimal(KEY_SET_MAX_SIZE) + " bytes";
    const document = JsonDocument.parse(source, KEY_SET_MAX_SIZE, MAX_DEPTH);
    const root = document.root;
    if (root == null) return "no JSON: " + jsonErrorMessage(document.error) + " at byte " + decimal(document.offset);
    const list = root.member(KEYS);
    if (list == null || list.kind != JsonKind.Array) return "no key set: `keys` is missing or no list";
    if (list.size > KEY_SET_MAX_KEYS) return "a key set of more than " + decimal(KEY_SET_MAX_KEYS) + " keys";
    let json = list.first;
    while (json != null) {
      const key = parseKey(json);
      if (key != null) this.keys.push(key);
      json = json.next;
    }
    if (this.keys.length > 0) return null;
    return list.size == 0 ? "a key set without keys" : "no key that can verify signatures: of the last one, " + keyProblem();
  }
}
