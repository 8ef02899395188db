import { Bytes } from "../sdk";

// Labels stand in the name of a statistic as in Istio's own WebAssembly filter, so that the stats_tags of Istio's bootstrap cut them out:
//
//   reporter=.=source;.;source_workload=.=reviews-v1;.;...;.;istio_requests_total

/** Between the name of a label and its value. */
export const VALUE_SEPARATOR = "=.=";
/** Behind a value. */
export const FIELD_SEPARATOR = Bytes.of(";.;");

const REPLACEMENT: u8 = 0x5f;
const DOT: u8 = 0x2e;

/**
 * Writes `value` at `at` so that it can stand in a statistic's name and in Prometheus' text format, and returns the end: a semicolon, which would end the
 * value, control characters and bytes that are no UTF-8, which would make the whole page unreadable, become `_`. Dots at the end are left out, because Envoy
 * leaves them out of a label: two series that differ in them would be one sample that stands twice. Never more bytes than before.
 */
export function writeValue(at: usize, value: Bytes): usize {
  let length = value.length;
  while (length > 0 && value[length - 1] == DOT) length--;
  let i = 0;
  while (i < length) {
    const byte = value[i];
    if (byte < 0x80) {
      store<u8>(at++, byte < 0x20 || byte == 0x7f || byte == 0x3b ? REPLACEMENT : byte);
      i++;
      continue;
    }
    const sequence = sequenceLength(value, i);
    if (sequence == 0) {
      store<u8>(at++, REPLACEMENT);
      i++;
      continue;
    }
    memory.copy(at, value.pointer + <usize>i, <usize>sequence);
    at += <usize>sequence;
    i += sequence;
  }
  return at;
}

/** Bytes of the UTF-8 sequence (RFC 3629, section 4) that begins at `start` with a byte from 0x80 on; 0 where it is none. */
function sequenceLength(value: Bytes, start: i32): i32 {
  const first = value[start];
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || start + length > value.length) return 0;
  const second = value[start + 1];
  // No overlong forms, no surrogates, nothing above U+10FFFF.
  const least: u8 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const most: u8 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let i = start + 2; i < start + length; i++) {
    if ((value[i] & 0xc0) != 0x80) return 0;
  }
  return length;
}
