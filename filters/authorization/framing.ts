import { Bytes, Text } from "../sdk";

const COLON: u8 = 0x3a;
const CONNECTION = Text.of("connection");
const CONTENT_LENGTH = Text.of("content-length");
const TRANSFER_ENCODING = Text.of("transfer-encoding");

export function isPseudoHeader(name: Bytes): bool {
  return name.length > 0 && name[0] == COLON;
}

/** Headers that say how a message is framed: of one message they say nothing about another. */
export function isFraming(name: Bytes): bool {
  return (
    name.equalsIgnoreCase(CONTENT_LENGTH.bytes) || name.equalsIgnoreCase(TRANSFER_ENCODING.bytes) || name.equalsIgnoreCase(CONNECTION.bytes)
  );
}
