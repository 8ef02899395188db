import type { PermissionSchema } from "../../../../envoy-api/generated/envoy/config/rbac/v3/rbac_pb.ts";
import type { AuthorizationOperation } from "../../../../model/index.ts";
import { cidrRange } from "../address.ts";
import type { Init } from "../init.ts";
import { stringMatch } from "./string-match.ts";

export type Permission = Init<typeof PermissionSchema>;

const port = (value: string): Permission => ({ rule: { case: "destinationPort", value: Number(value) } });

/** How ports of an operation, and the keys of conditions about the destination, are told of connections. */
const FIELDS: Readonly<Record<string, (value: string) => Permission>> = {
  ports: port,
  "destination.port": port,
  "destination.ip": (value) => ({ rule: { case: "destinationIp", value: cidrRange(value) } }),
  "connection.sni": (value) => ({ rule: { case: "requestedServerName", value: stringMatch(value) } }),
};

/** All that an operation asks of a connection. */
export function operationOf({ ports, notPorts }: AuthorizationOperation): readonly Permission[] {
  return [...listOf("ports", ports, false), ...listOf("ports", notPorts, true)];
}

/** What a list of values under a name asks: one of them, or none. Nothing where connections have nothing to compare. */
export function listOf(name: string, values: readonly string[] | undefined, isNegated: boolean): readonly Permission[] {
  const make = FIELDS[name];
  if (make === undefined || values === undefined) return [];
  const one: Permission = { rule: { case: "orRules", value: { rules: values.map(make) } } };
  return [isNegated ? { rule: { case: "notRule", value: one } } : one];
}

/** All of these; anything where there are none. */
export function allPermissions(rules: readonly Permission[]): Permission {
  return { rule: { case: "andRules", value: { rules: rules.length === 0 ? [{ rule: { case: "any", value: true } }] : [...rules] } } };
}
