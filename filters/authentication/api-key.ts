import { SHA256_LENGTH, sha256 } from "../lib/sha2";
import { BytesTable } from "../lib/table";
import { arena, Bytes, Text } from "../sdk";

/** Who holds a key. */
@final
export class Consumer {
  constructor(
    readonly name: Text,
    /** The name as a JSON string, for the filter state. */
    readonly json: Text,
  ) {}
}

/** One of `apiKeys`. The keys themselves are known to nobody: what is compared is their SHA-256. */
@final
export class ApiKeyProvider {
  readonly consumers: BytesTable<Consumer> = new BytesTable<Consumer>();
  consumerHeader: Text | null = null;

  /** Whose key this is, or `null`. The look-up by digest tells an attacker nothing: which key has a given digest cannot be chosen. */
  find(key: Bytes): Consumer | null {
    return this.consumers.get(sha256(key));
  }

  /** `digest`: 64 hexadecimal digits. `false` where they are not, or where the key has a consumer already. */
  add(digest: Bytes, consumer: Consumer): bool {
    const bytes = decodeHexadecimal(digest);
    if (bytes == null || this.consumers.get(bytes.bytes) != null) return false;
    this.consumers.set(bytes, consumer);
    return true;
  }
}

function decodeHexadecimal(digits: Bytes): Text | null {
  if (digits.length != 2 * SHA256_LENGTH) return null;
  const bytes = arena.allocate(<usize>SHA256_LENGTH);
  for (let i = 0; i < SHA256_LENGTH; i++) {
    const high = digitOf(digits[2 * i]);
    const low = digitOf(digits[2 * i + 1]);
    if (high > 15 || low > 15) return null;
    store<u8>(bytes + <usize>i, (high << 4) | low);
  }
  return Text.from(Bytes.view(bytes, SHA256_LENGTH));
}

/** 255 for what is no hexadecimal digit. */
function digitOf(byte: u8): u8 {
  if (byte - 0x30 < 10) return byte - 0x30;
  const letter = byte | 0x20;
  return letter - 0x61 < 6 ? letter - 0x61 + 10 : 255;
}
