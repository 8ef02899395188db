/** Field numbers that `DeltaDiscoveryResponse` and `DiscoveryResponse` share. */
const VERSION = 1;
const TYPE_URL = 4;
const NONCE = 5;
/** A byte for compression and four for the length, before every message of gRPC. */
const MESSAGE_HEAD = 5;
const LENGTH_DELIMITED = 2;
const NOTHING = Buffer.alloc(0);

/** What an ACK repeats of a response. */
export interface ResponseHead {
  readonly version: string;
  readonly typeUrl: string;
  readonly nonce: string;
}

/**
 * Reads version, type and nonce of responses out of the bytes of a call, as they come. Resources are passed over where they lie: a response of a megabyte is neither
 * joined nor copied, or the clients of a benchmark would cost more than the service.
 */
export class DiscoveryResponses {
  private readonly answer: (head: ResponseHead) => void;
  /** Begun and not read yet: some bytes of a head, or of a text that is wanted. */
  private rest: Buffer = NOTHING;
  /** Bytes of the message, and of the field within, that are still to come. */
  private ofMessage = 0;
  private ofField = 0;
  private readonly head = { version: "", typeUrl: "", nonce: "" };

  /** @param answer called at the end of every response */
  constructor(answer: (head: ResponseHead) => void) {
    this.answer = answer;
  }

  /**
   * @param chunk may be used for something else afterwards
   * @throws Error for what is no response
   */
  read(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    for (let read = -1; read !== 0; at += read) read = this.step(bytes, at);
    this.rest = at === bytes.length ? NOTHING : Buffer.from(bytes.subarray(at));
  }

  /** Reads one thing at `at`, and gives how many bytes that took; 0 where more has to come. */
  private step(bytes: Buffer, at: number): number {
    const there = bytes.length - at;
    if (this.ofMessage === 0) {
      if (there < MESSAGE_HEAD) return 0;
      this.ofMessage = bytes.readUInt32BE(at + 1);
      return MESSAGE_HEAD;
    }
    if (this.ofField > 0) {
      const passed = Math.min(this.ofField, there);
      this.ofField -= passed;
      this.passed(passed);
      return passed;
    }
    return this.field(bytes, at);
  }

  private field(bytes: Buffer, at: number): number {
    const tag = bytes[at];
    const size = varint(bytes, at + 1);
    if (tag === undefined || size === undefined) return 0;
    if ((tag & 7) !== LENGTH_DELIMITED) throw new Error(`a response has a field with tag ${tag}`);
    const field = tag >> 3;
    const begin = size.end;
    if (field !== TYPE_URL && field !== NONCE && field !== VERSION) {
      this.ofField = size.value;
      this.passed(begin - at);
      return begin - at;
    }
    const end = begin + size.value;
    if (end > bytes.length) return 0;
    this.head[field === TYPE_URL ? "typeUrl" : field === NONCE ? "nonce" : "version"] = bytes.toString("latin1", begin, end);
    this.passed(end - at);
    return end - at;
  }

  private passed(count: number): void {
    this.ofMessage -= count;
    if (this.ofMessage > 0) return;
    const head = { ...this.head };
    this.head.version = this.head.typeUrl = this.head.nonce = "";
    this.answer(head);
  }
}

/** A varint at `at` and where it ends; `undefined` where it is cut off. */
function varint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let scale = 1; at < bytes.length; scale *= 128) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at };
  }
  return undefined;
}
