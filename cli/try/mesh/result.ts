import type { StreamRecord } from "../../../harness/envoy/chain/attribution.ts";
import { exchangeResult } from "../../../harness/envoy/chain/messages.ts";
import type { ClientResponse } from "../../../harness/envoy/client/message.ts";
import type { ExchangeResult } from "../../../harness/target/index.ts";
import type { LoggedFields } from "./access-log.ts";
import type { Exchange } from "./scripted-server.ts";

/** What is reported of an exchange. `failure` is what the client saw of a connection that never stood. */
export function resultOf(
  { request, seen, asBytes }: Exchange,
  response: ClientResponse | undefined,
  record: StreamRecord | undefined,
  failure: string | undefined,
): ExchangeResult {
  const { delay, ...others } = exchangeResult(request, response, seen, record);
  // The clock of Envoy's log has microseconds, which tell nothing.
  const result = { ...others, ...(delay !== undefined && { delay: Math.round(delay * 1_000) / 1_000 }) };
  const logged = record?.fields as unknown as LoggedFields | undefined;
  if (!asBytes && logged?.kind !== "connection" && result.details !== "") return result;
  // Bytes have no response code, and so no details: why the connection ended stands in the flags.
  const reasons = [result.details, said(logged?.termination), said(logged?.flags), failure, "the connection was closed"].filter(
    (reason) => reason !== undefined && reason !== "",
  );
  const details = asBytes && response !== undefined ? "via_upstream" : (reasons[0] ?? "");
  return { ...result, outcome: response === undefined ? "reset" : asBytes ? "forward" : result.outcome, details };
}

function said(flags: string | null | undefined): string | undefined {
  return flags === null || flags === "-" ? undefined : flags;
}
