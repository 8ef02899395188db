import { Bytes, Text } from "../bytes";

/**
 * A text to look for in a stream of pieces, by Knuth, Morris and Pratt: one that lies across two pieces is found without keeping the first, and
 * the time is linear in the stream. The object is built with a configuration; where one stream stands is a number that its owner keeps.
 */
@final
export class StreamSearch {
  /** For each prefix of the text, the length of its longest proper prefix that is also its suffix. */
  private readonly borders: StaticArray<i32>;

  /** `text` must not be empty. */
  constructor(private readonly text: Text) {
    const bytes = text.bytes;
    const borders = new StaticArray<i32>(bytes.length);
    let border = 0;
    for (let i = 1; i < bytes.length; i++) {
      while (border > 0 && bytes[i] != bytes[border]) border = borders[border - 1];
      if (bytes[i] == bytes[border]) border++;
      borders[i] = border;
    }
    this.borders = borders;
  }

  /**
   * Goes on with the next piece. `matched` is how many bytes of the text the pieces before ended with, 0 at the start; what it returns is
   * handed in with the next piece. {@link isFound} tells whether that is the whole text; then it stays so.
   */
  advance(matched: i32, piece: Bytes): i32 {
    const text = this.text.bytes;
    let length = matched;
    for (let i = 0; i < piece.length && length < text.length; i++) {
      const byte = piece[i];
      while (length > 0 && byte != text[length]) length = unchecked(this.borders[length - 1]);
      if (byte == text[length]) length++;
    }
    return length;
  }


  @inline
  isFound(matched: i32): bool {
    return matched == this.text.bytes.length;
  }
}
