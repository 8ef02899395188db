import { Bytes, HeaderMap } from "../sdk";

const COLON: u8 = 0x3a;
const CONNECTION = Bytes.of("connection");
const CONTENT_LENGTH = Bytes.of("content-length");
const TRANSFER_ENCODING = Bytes.of("transfer-encoding");
const UPGRADE = Bytes.of("upgrade");
const WEBSOCKET = Bytes.of("websocket");
const COMMA: u8 = 0x2c;

export function isPseudoHeader(name: Bytes): bool {
  return name.length > 0 && name[0] == COLON;
}

/** Headers that say how a message is framed: of one message they say nothing about another. */
export function isFraming(name: Bytes): bool {
  return name.equalsIgnoreCase(CONTENT_LENGTH) || name.equalsIgnoreCase(TRANSFER_ENCODING) || name.equalsIgnoreCase(CONNECTION);
}

/** Whether the request asks for a WebSocket, which Envoy then grants or refuses. `upgrade` alone is a header as any other: Envoy goes on as if it were not there. */
export function isWebSocket(headers: HeaderMap): bool {
  const upgrade = headers.get(UPGRADE);
  const connection = headers.get(CONNECTION);
  if (upgrade == null || connection == null || !upgrade.equalsIgnoreCase(WEBSOCKET)) return false;
  for (let at = 0; at <= connection.length;) {
    const comma = connection.indexOf(COMMA, at);
    const end = comma < 0 ? connection.length : comma;
    if (connection.slice(at, end).trim().equalsIgnoreCase(UPGRADE)) return true;
    at = end + 1;
  }
  return false;
}
