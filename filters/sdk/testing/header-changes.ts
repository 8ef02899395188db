import { Bytes, HeaderMap, Text } from "..";
import { beginEpoch } from "../hostcalls/epoch";

/**
 * Changes headers as `script` says, `=name:value` sets, `+name:value` adds and `-name` removes, with spaces between; after each change the headers that the map
 * then shows must be those that the host has. Returns `same`, or the step after which they were not.
 */
export function changeHeaders(headers: HeaderMap, script: string): Bytes {
  const steps = script.split(" ");
  textOf(headers);
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i];
    const end = step.lastIndexOf(":");
    const name = Text.of(step.substring(1, step.startsWith("-") ? step.length : end));
    const value = Text.of(step.substring(end + 1));
    if (step.startsWith("-")) headers.remove(name.bytes);
    else if (step.startsWith("+")) headers.add(name.bytes, value.bytes);
    else headers.set(name.bytes, value.bytes);
    // Two changes without a look in between, every third time.
    if (i % 3 == 0) continue;
    const seen = textOf(headers);
    beginEpoch();
    const held = textOf(headers);
    if (seen != held) return Text.of(step + " gave " + seen + " for " + held).bytes;
  }
  return Text.of("same").bytes;
}

function textOf(headers: HeaderMap): string {
  let text = headers.size.toString();
  const pairs = headers.iterate();
  while (pairs.next()) text += "|" + pairs.name.toString() + "=" + pairs.value.toString();
  return text;
}
