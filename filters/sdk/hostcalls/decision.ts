import { arena, Bytes, Text } from "../../lib/bytes";
import { LogLevel } from "../abi/enums";
import { log, logEnabled } from "./log";

const RESULTS = Text.list("allow deny shadow-deny route delay abort limit mark");

/** What a filter decided, as `meshwright try --explain` and operators read it. */
export namespace DecisionResult {
  export const Allow: Text = RESULTS[0];
  export const Deny: Text = RESULTS[1];
  export const ShadowDeny: Text = RESULTS[2];
  export const Route: Text = RESULTS[3];
  export const Delay: Text = RESULTS[4];
  export const Abort: Text = RESULTS[5];
  export const Limit: Text = RESULTS[6];
  export const Mark: Text = RESULTS[7];
}

/** What stands in the line around names, and the digits of its escapes. */
const PARTS = Text.list('decision {"filter":"|","rule":"|","result":"|","reason":"|"}|0123456789abcdef', 0x7c);
const START = 0;
const RULE = 1;
const RESULT = 2;
const REASON = 3;
const END = 4;
const HEX = 5;

function part(index: i32): Bytes {
  return unchecked(PARTS[index]).bytes;
}

/**
 * Writes the line of one decision, at log level debug; at any other level it costs one hostcall without data at most ({@link logEnabled}).
 * `decision {"filter":"routing","rule":"canary","result":"route","reason":"…"}`. Nothing secret may stand in it.
 */
export function logDecision(filter: Bytes, rule: Bytes, result: Text, reason: Bytes): void {
  if (!logEnabled(LogLevel.Debug)) return;
  const fixed = part(START).length + part(RULE).length + part(RESULT).length + part(REASON).length + part(END).length;
  // An escaped byte takes six at most.
  const start = arena.allocate(<usize>(fixed + (filter.length + rule.length + result.bytes.length + reason.length) * 6));
  let at = append(start, part(START));
  at = escape(at, filter);
  at = append(at, part(RULE));
  at = escape(at, rule);
  at = append(at, part(RESULT));
  at = append(at, result.bytes);
  at = append(at, part(REASON));
  at = escape(at, reason);
  at = append(at, part(END));
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
      store<u8>(at, part(HEX)[byte >> 4], 4);
      store<u8>(at, part(HEX)[byte & 15], 5);
      at += 6;
    } else {
      store<u8>(at++, byte);
    }
  }
  return at;
}
