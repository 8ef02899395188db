import { arena, Bytes, Text } from "../bytes";
import { JsonKind, JsonValue } from "../json";

// @ts-ignore: decorator
@lazy
const SCOPE = Bytes.of("scope");
// @ts-ignore: decorator
@lazy
const PERMISSION = Bytes.of("permission");
const SPACE: u8 = 0x20;

/**
 * The texts of a claim, as Istio compares them: a text is one, a list has one for each entry that is text, and the claims `scope` and `permission`
 * of the first level one for each word. Numbers, booleans and objects have none. `next` first, then `text`. Lives in the arena.
 */
@unmanaged
@final
export class ClaimTexts {
  /** Of the last {@link next} that was true. */
  text: Bytes;
  private list: bool;
  private item: JsonValue | null;
  private words: Bytes | null;

  /** `claim` is what stands at `path`. */
  static of(claim: JsonValue | null, path: Text[]): ClaimTexts {
    const texts = changetype<ClaimTexts>(arena.allocate(offsetof<ClaimTexts>()));
    texts.text = Bytes.empty();
    texts.item = null;
    texts.words = null;
    texts.list = false;
    if (claim == null) return texts;
    texts.list = claim.kind == JsonKind.Array;
    if (claim.kind == JsonKind.String && isSpaceDelimited(path)) texts.words = claim.text;
    else texts.item = texts.list ? claim.first : claim;
    return texts;
  }

  next(): bool {
    const words = this.words;
    if (words != null) return this.nextWord(words);
    let item = this.item;
    // What follows a claim that is no list is the next claim.
    while (item != null && item.kind != JsonKind.String) item = this.list ? item.next : null;
    if (item == null) return false;
    this.text = item.text;
    this.item = this.list ? item.next : null;
    return true;
  }

  private nextWord(words: Bytes): bool {
    let start = 0;
    while (start < words.length && words[start] == SPACE) start++;
    if (start == words.length) return false;
    const space = words.indexOf(SPACE, start);
    const end = space < 0 ? words.length : space;
    this.text = words.slice(start, end);
    this.words = words.slice(end);
    return true;
  }
}

function isSpaceDelimited(path: Text[]): bool {
  if (path.length != 1) return false;
  const name = unchecked(path[0]).bytes;
  return name.equals(SCOPE) || name.equals(PERMISSION);
}
