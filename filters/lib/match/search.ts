import { Bytes, Text, toLower } from "../bytes";

/**
 * A text to look for in others, by Knuth, Morris and Pratt: the time is linear in the input whatever the text and the input are, where
 * a plain search is quadratic for `aaaab` in a long header of `a`.
 */
@final
export class Search {
  private readonly text: Text;
  /** For each prefix of the text, the length of its longest proper prefix that is also its suffix. */
  private readonly borders: StaticArray<i32>;

  constructor(
    text: Bytes,
    private readonly ignoreCase: bool,
  ) {
    const owned = Text.from(text);
    const bytes = owned.bytes;
    const borders = new StaticArray<i32>(bytes.length);
    let border = 0;
    for (let i = 1; i < bytes.length; i++) {
      while (border > 0 && fold(bytes[i], ignoreCase) != fold(bytes[border], ignoreCase)) border = borders[border - 1];
      if (fold(bytes[i], ignoreCase) == fold(bytes[border], ignoreCase)) border++;
      borders[i] = border;
    }
    this.text = owned;
    this.borders = borders;
  }

  /** Whether the text occurs in `input`. An empty text occurs in every input. */
  isIn(input: Bytes): bool {
    const text = this.text.bytes;
    if (text.length == 0) return true;
    const ignoreCase = this.ignoreCase;
    let matched = 0;
    for (let i = 0; i < input.length; i++) {
      const byte = fold(input[i], ignoreCase);
      while (matched > 0 && byte != fold(text[matched], ignoreCase)) matched = unchecked(this.borders[matched - 1]);
      if (byte == fold(text[matched], ignoreCase)) matched++;
      if (matched == text.length) return true;
    }
    return false;
  }
}

function fold(byte: u8, ignoreCase: bool): u8 {
  return ignoreCase ? toLower(byte) : byte;
}
