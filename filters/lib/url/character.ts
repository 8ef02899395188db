/** What Chromium's path canonicaliser does with a byte, as {@link pathCharacter} tells it. */
export const enum PathCharacter {
  /** Stays as it is, escaped or not. */
  Keep,
  /** Stays; its escape is decoded. The unreserved characters of RFC 3986, section 2.3, without the dot. */
  Unescape,
  /** Is escaped; its escape stays. */
  Escape,
  /** Makes the path invalid, escaped or not. */
  Invalid,
}

// One bit a byte for 0x20 to 0x7f, low word first.
// Kept: ! $ & ' ( ) * + , . / : ; = @ [ ]
const KEEP_20: u32 = 0x2c00dfd2;
const KEEP_40: u32 = 0x28000001;
// Decoded: - 0-9 A-Z _ a-z ~
const UNESCAPE_20: u32 = 0x03ff2000;
const UNESCAPE_40: u32 = 0x87fffffe;
const UNESCAPE_60: u32 = 0x47fffffe;

/** The class of `byte`. Controls, spaces, `"#%<>?\^` with backtick, `{|}`, DEL and all bytes from 0x80 on are escaped; NUL is invalid. */
export function pathCharacter(byte: u8): PathCharacter {
  const bit: u32 = 1 << ((<u32>byte) & 31);
  switch (byte >> 5) {
    case 0:
      return byte == 0 ? PathCharacter.Invalid : PathCharacter.Escape;
    case 1:
      return UNESCAPE_20 & bit ? PathCharacter.Unescape : KEEP_20 & bit ? PathCharacter.Keep : PathCharacter.Escape;
    case 2:
      return UNESCAPE_40 & bit ? PathCharacter.Unescape : KEEP_40 & bit ? PathCharacter.Keep : PathCharacter.Escape;
    case 3:
      return UNESCAPE_60 & bit ? PathCharacter.Unescape : PathCharacter.Escape;
    default:
      return PathCharacter.Escape;
  }
}
