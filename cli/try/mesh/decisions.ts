import type { ProxyView } from "../../../control/model/index.ts";
import type { StreamRecord } from "../../../harness/envoy/chain/attribution.ts";
import type { Decision, ExchangeResult } from "../../../harness/target/index.ts";
import type { LoggedFields } from "./access-log.ts";
import { type DecisionPlaces, placed } from "./decision-places.ts";
import { nativeDecisions } from "./native-decisions.ts";
import type { TaggedMesh } from "./tagged-routes.ts";

/** What was decided about an exchange, in the order in which it was: by policies of connections, by our filters, by faults and routes. Each with the place of what it comes from. */
export function decisionsOf(
  view: ProxyView,
  tagged: TaggedMesh,
  places: DecisionPlaces,
  inbound: boolean,
): (result: ExchangeResult, record: StreamRecord | undefined) => readonly Decision[] {
  return (result, record) => {
    if (record === undefined) return result.decisions;
    const { before, after } = nativeDecisions(view, tagged, record.fields as unknown as LoggedFields, result, inbound);
    const whole = ({ decision, origin }: (typeof before)[number]) => placed(decision, origin ?? places.originOf(decision));
    return [...before.map(whole), ...result.decisions.map((decision) => placed(decision, places.originOf(decision))), ...after.map(whole)];
  };
}
