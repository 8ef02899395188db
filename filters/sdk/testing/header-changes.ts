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
    const name = nameOf(step);
    const value = Text.of(step.substring(step.lastIndexOf(":") + 1));
    if (step.startsWith("-")) headers.remove(name.bytes);
    else if (step.startsWith("+")) headers.add(name.bytes, value.bytes);
    else headers.set(name.bytes, value.bytes);
    // Two changes without a look in between, every third time.
    if (i % 3 == 0) continue;
    // Single looks first: they see a change before it is made in the copy of all pairs.
    const looked = looksOf(headers, steps);
    const seen = looked + textOf(headers);
    beginEpoch();
    const held = looksOf(headers, steps) + textOf(headers);
    if (seen != held) return Text.of(step + " gave " + seen + " for " + held).bytes;
  }
  return Text.of("same").bytes;
}

function nameOf(step: string): Text {
  return Text.of(step.substring(1, step.startsWith("-") ? step.length : step.lastIndexOf(":")));
}

function textOf(headers: HeaderMap): string {
  let text = headers.size.toString();
  const pairs = headers.iterate();
  while (pairs.next()) text += "|" + pairs.name.toString() + "=" + pairs.value.toString();
  return text;
}

/** What {@link HeaderMap.get} and {@link HeaderMap.values} find for each name in the script. */
function looksOf(headers: HeaderMap, steps: string[]): string {
  let text = "";
  for (let i = 0; i < steps.length; i++) {
    const first = headers.get(nameOf(steps[i]).bytes);
    text += first != null ? first.toString() + "," : "-,";
  }
  for (let i = 0; i < steps.length; i++) {
    const values = headers.values(nameOf(steps[i]).bytes);
    while (values.next()) text += values.value.toString() + ";";
  }
  return text;
}
