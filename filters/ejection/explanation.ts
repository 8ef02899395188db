import { formatInteger } from "../lib/number";
import { arena, Bytes, DecisionResult, logDecision, Text } from "../sdk";
import { Judge } from "./judge";
import { Settings } from "./settings";
import { nameOf, NO_VERDICT } from "./verdict";

const FILTER = Text.of("ejection");
const NONE = Text.of("");
const NO_FAILURE = Text.of("no failure");
const OUT = Text.of("the host is out");
const FAILURE = Text.of("failure ");
const OF = Text.of(" of ");
const NEXT = Text.of(", the host's next response is marked");

/** Writes the line of one answer: who counted it as a failure, the how manieth in a row, and whether it was marked. */
export function explain(settings: Settings, judge: Judge, verdict: i32, open: bool): void {
  if (verdict != NO_VERDICT) {
    explainMark(settings, verdict);
    return;
  }
  const rule = judge.rule;
  if (rule < 0) {
    logDecision(FILTER.bytes, NONE.bytes, DecisionResult.Allow, NO_FAILURE.bytes);
    return;
  }
  const limit = settings.rules[rule].consecutive;
  const late = !open && judge.inARow >= <u32>limit;
  const start = arena.allocate(128);
  let at = append(start, FAILURE.bytes);
  at = append(at, formatInteger(<i64>judge.inARow));
  at = append(at, OF.bytes);
  at = append(at, formatInteger(<i64>limit));
  if (late) at = append(at, NEXT.bytes);
  logDecision(FILTER.bytes, settings.rules[rule].name.bytes, DecisionResult.Allow, Bytes.view(start, <i32>(at - start)));
}

/** Writes the line of a marked response. */
export function explainMark(settings: Settings, verdict: i32): void {
  logDecision(FILTER.bytes, nameOf(verdict, settings).bytes, DecisionResult.Mark, OUT.bytes);
}

function append(at: usize, bytes: Bytes): usize {
  memory.copy(at, bytes.pointer, <usize>bytes.length);
  return at + <usize>bytes.length;
}
