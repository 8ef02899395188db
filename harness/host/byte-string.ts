// Header names, header values and property paths are byte strings here: JavaScript strings in which every unit is one byte (0 to 255).
// They hold any byte a filter or a client may send (NUL, invalid UTF-8), compare with `===`, and cost less than small typed arrays.

/** UTF-8 bytes of a text, as a byte string. ASCII text, the usual case, is returned as it is. */
export function toByteString(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return Buffer.from(text, "utf8").toString("latin1");
  }
  return text;
}

/** The text that a byte string holds as UTF-8; bytes that are not UTF-8 become U+FFFD. */
export function toText(bytes: string): string {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes.charCodeAt(i) > 0x7f) return Buffer.from(bytes, "latin1").toString("utf8");
  }
  return bytes;
}

export function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

export function toBytes(bytes: string): Uint8Array {
  return Buffer.from(bytes, "latin1");
}

/** Lower-cases ASCII letters only, as Envoy's `LowerCaseString` does. */
export function toLowerCase(name: string): string {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code >= 0x41 && code <= 0x5a) return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  }
  return name;
}
