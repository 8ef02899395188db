const INITIAL = 65_535;

/**
 * What a client may send on the one stream of its connection (RFC 9113, section 5.2): what is more waits until the server has read. A server cuts the
 * connection of a client that sends regardless, and one that is busy with a thousand others reads late.
 */
export class SendWindow {
  private readonly write: (bytes: Buffer) => void;
  private readonly waiting: Buffer[] = [];
  private connection = INITIAL;
  private stream = INITIAL;
  /** `SETTINGS_INITIAL_WINDOW_SIZE` of the server. */
  private initial = INITIAL;

  constructor(write: (bytes: Buffer) => void) {
    this.write = write;
  }

  send(bytes: Buffer): void {
    this.waiting.push(bytes);
    this.flush();
  }

  /** The server's `WINDOW_UPDATE`, of the connection (0) or of the stream. */
  widen(stream: number, by: number): void {
    if (stream === 0) this.connection += by;
    else this.stream += by;
    this.flush();
  }

  /** Changes the stream's window by as much as the setting differs from the one before. */
  begin(initial: number): void {
    this.stream += initial - this.initial;
    this.initial = initial;
    this.flush();
  }

  private flush(): void {
    for (let [first] = this.waiting; first !== undefined; [first] = this.waiting) {
      const may = Math.min(first.length, this.connection, this.stream);
      if (may <= 0) return;
      if (may < first.length) this.waiting[0] = first.subarray(may);
      else this.waiting.shift();
      this.connection -= may;
      this.stream -= may;
      this.write(first.subarray(0, may));
    }
  }
}
