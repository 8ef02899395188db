import { Bytes } from "../bytes";
import { decimal } from "../number";

/** Problems that are told at most: a thousand of one kind help nobody. */
const TOLD: i32 = 10;

/** What is wrong with a configuration, each with its path and place. */
@final
export class Problems {
  private readonly messages: string[] = [];
  private count: i32 = 0;

  /** Offsets are told from `start` on in `source`. */
  constructor(
    private readonly source: Bytes,
    private readonly start: i32,
  ) {}

  /** The text between two offsets. */
  slice(start: i32, end: i32): Bytes {
    return this.source.slice(this.start + start, this.start + end);
  }

  /** For a document that begins at `offset` of this one. */
  within(offset: i32): Problems {
    return new Problems(this.source, this.start + offset);
  }

  get empty(): bool {
    return this.count == 0;
  }

  /** `path` is empty for the document; `offset` is that of the offending byte. */
  add(path: string, message: string, offset: i32): void {
    this.count++;
    if (this.messages.length >= TOLD) return;
    this.messages.push((path.length > 0 ? path + ": " : "") + message + " (" + this.place(offset) + ")");
  }

  /** All in one line: what stands in a configuration must not begin a line of the log (CWE-117). */
  toString(): string {
    const told = withoutControls(this.messages.join("; "));
    const left = this.count - this.messages.length;
    return left > 0 ? told + "; and " + decimal(left) + " more" : told;
  }

  private place(offset: i32): string {
    let line = 1;
    let column = 1;
    const end = min(this.start + offset, this.source.length);
    for (let i = 0; i < end; i++) {
      if (this.source[i] == 0x0a) {
        line++;
        column = 1;
      } else if ((this.source[i] & 0xc0) != 0x80) {
        // Columns are characters, not bytes.
        column++;
      }
    }
    return "line " + decimal(line) + ", column " + decimal(column);
  }
}

/** `text` with control characters as JSON escapes them. */
function withoutControls(text: string): string {
  let safe = "";
  let begun = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x20 && (unit < 0x7f || unit > 0x9f)) continue;
    safe += text.substring(begun, i) + "\\u00" + HEX.charAt(unit >> 4) + HEX.charAt(unit & 15);
    begun = i + 1;
  }
  return begun == 0 ? text : safe + text.substring(begun);
}

const HEX = "0123456789abcdef";
