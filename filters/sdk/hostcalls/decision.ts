import { arena, Bytes, Text } from "../../lib/bytes";
import { LogLevel } from "../abi/enums";
import { log, logEnabled } from "./log";

/** What a filter decided, as `meshwright try --explain` and operators read it. */
export namespace DecisionResult {
  export const Allow: Text = Text.of("allow");
  export const Deny: Text = Text.of("deny");
  export const ShadowDeny: Text = Text.of("shadow-deny");
  export const Route: Text = Text.of("route");
  export const Delay: Text = Text.of("delay");
  export const Abort: Text = Text.of("abort");
  export const Limit: Text = Text.of("limit");
  export const Mark: Text = Text.of("mark");
}

const START = Text.of('decision {"filter":"');
const RULE = Text.of('","rule":"');
const RESULT = Text.of('","result":"');
const REASON = Text.of('","reason":"');
const END = Text.of('"}');
const HEX = Text.of("0123456789abcdef");

/**
 * Writes the line of one decision, at log level debug; at any other level it costs one hostcall without data.
 * `decision {"filter":"routing","rule":"canary","result":"route","reason":"…"}`. Nothing secret may stand in it.
 */
export function logDecision(filter: Bytes, rule: Bytes, result: Text, reason: Bytes): void {
  if (!logEnabled(LogLevel.Debug)) return;
  const fixed = START.bytes.length + RULE.bytes.length + RESULT.bytes.length + REASON.bytes.length + END.bytes.length;
  // An escaped byte takes six at most.
  const start = arena.allocate(<usize>(fixed + (filter.length + rule.length + result.bytes.length + reason.length) * 6));
  let at = append(start, START.bytes);
  at = escape(at, filter);
  at = append(at, RULE.bytes);
  at = escape(at, rule);
  at = append(at, RESULT.bytes);
  at = append(at, result.bytes);
  at = append(at, REASON.bytes);
  at = escape(at, reason);
  at = append(at, END.bytes);
  log(LogLevel.Debug, Bytes.view(start, <i32>(at - start)));
}

function append(at: usize, bytes: Bytes): usize {
  memory.copy(at, bytes.pointer, <usize>bytes.length);
  return at + <usize>bytes.length;
}

/** As a JSON string (RFC 8259, section 7): a name from a configuration must not break the line. */
function escape(start: usize, bytes: Bytes): usize {
  let at = start;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte == 0x22 || byte == 0x5c) {
      store<u8>(at++, 0x5c);
      store<u8>(at++, byte);
    } else if (byte < 0x20) {
      store<u32>(at, 0x3030_755c); // \u00
      store<u8>(at, HEX.bytes[byte >> 4], 4);
      store<u8>(at, HEX.bytes[byte & 15], 5);
      at += 6;
    } else {
      store<u8>(at++, byte);
    }
  }
  return at;
}
