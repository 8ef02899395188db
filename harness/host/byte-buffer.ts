const EMPTY = new Uint8Array(0);

/** Envoy's `Buffer::Instance`: bytes of a body that arrive in pieces and may be changed at both ends. */
export class ByteBuffer {
  private pieces: Uint8Array[] = [];
  private size = 0;

  static of(bytes: Uint8Array): ByteBuffer {
    const buffer = new ByteBuffer();
    buffer.add(bytes);
    return buffer;
  }

  get length(): number {
    return this.size;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.pieces.push(bytes);
    this.size += bytes.length;
  }

  prepend(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.pieces.unshift(bytes);
    this.size += bytes.length;
  }

  /** Drops `length` bytes from the front, all where there are fewer. */
  drain(length: number): void {
    const bytes = this.bytes();
    this.clear();
    if (length < bytes.length) this.add(bytes.subarray(length));
  }

  /** Takes `length` bytes from the front, all where there are fewer. */
  take(length: number): ByteBuffer {
    const taken = ByteBuffer.of(this.bytes().subarray(0, length));
    this.drain(length);
    return taken;
  }

  clear(): void {
    this.pieces = [];
    this.size = 0;
  }

  /** Takes all bytes of another buffer and leaves it empty. */
  move(other: ByteBuffer): void {
    for (const piece of other.pieces) this.add(piece);
    other.clear();
  }

  /** All bytes in one piece. The array belongs to the buffer: do not write to it. */
  bytes(): Uint8Array {
    const first = this.pieces[0];
    if (first === undefined) return EMPTY;
    if (this.pieces.length === 1) return first;
    const joined = new Uint8Array(this.size);
    let at = 0;
    for (const piece of this.pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    this.pieces = [joined];
    return joined;
  }
}
