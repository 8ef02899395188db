import type { Policy, Principal, RBAC as Rules } from "../../../control/envoy-api/generated/envoy/config/rbac/v3/rbac_pb.ts";
import type { RBAC } from "../../../control/envoy-api/generated/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts";
import type { Config } from "../../../control/envoy-api/generated/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.ts";

// Whose connection it is, a private Envoy learns from a PROXY header; that which it really has is from nobody. So where policies look for the peer itself, they are given the address that the header says.

/** Has a filter that notes the peer note that address. */
export function notePeer({ onNewConnection }: Config): void {
  for (const { value } of onNewConnection) {
    if (value.case !== "formatString" || value.value.format.case !== "textFormatSource") continue;
    const { specifier } = value.value.format.value;
    if (specifier.case === "inlineString") specifier.value = specifier.value.replace("DIRECT_REMOTE_ADDRESS", "REMOTE_ADDRESS");
  }
}

/** Has rules for the peer look at that address. */
export function matchPeer({ rules, shadowRules }: RBAC): void {
  for (const each of [rules, shadowRules])
    for (const policy of policiesOf(each)) for (const principal of policy.principals) follow(principal);
}

function policiesOf(rules: Rules | undefined): readonly Policy[] {
  return Object.values(rules?.policies ?? {});
}

function follow(principal: Principal): void {
  const { identifier } = principal;
  if (identifier.case === "directRemoteIp") principal.identifier = { case: "remoteIp", value: identifier.value };
  else if (identifier.case === "notId") follow(identifier.value);
  else if (identifier.case === "andIds" || identifier.case === "orIds") for (const each of identifier.value.ids) follow(each);
}
