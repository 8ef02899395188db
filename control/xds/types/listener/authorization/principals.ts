import type { PrincipalSchema } from "../../../../envoy-api/generated/envoy/config/rbac/v3/rbac_pb.ts";
import { type AuthorizationPolicy, type AuthorizationSource, type MeshSettings, SPIFFE } from "../../../../model/index.ts";
import { cidrRange } from "../address.ts";
import type { Init } from "../init.ts";
import { regexMatch, type StringMatch, stringMatchBehind } from "./string-match.ts";
import { principalsOf } from "./trust-domains.ts";

export type Principal = Init<typeof PrincipalSchema>;

/** What a policy's values depend on beside themselves. */
export interface Surroundings {
  readonly settings: MeshSettings;
  readonly policy: Pick<AuthorizationPolicy, "namespace">;
}

type Values = (values: readonly string[], surroundings: Surroundings) => readonly Principal[];

const principals: Values = (values, { settings }) =>
  values.flatMap((value) => principalsOf(settings, value)).map((value) => authenticated(stringMatchBehind(SPIFFE, value)));
const namespaces: Values = (values) => values.map((value) => authenticated(regexMatch(`.*/ns/${value.replaceAll("*", ".*")}/.*`)));
const serviceAccounts: Values = (values, { policy }) =>
  values.map((value) => {
    const [account = "", namespace = policy.namespace] = value.split("/").reverse();
    return authenticated(regexMatch(`${SPIFFE}.+/ns/${namespace}/(.+/|)sa/${account}(/.+)?`));
  });
const direct: Values = (values) => values.map((value) => ({ identifier: { case: "directRemoteIp", value: cidrRange(value) } }));
const remote: Values = (values) => values.map((value) => ({ identifier: { case: "remoteIp", value: cidrRange(value) } }));

/** How the fields of a source, and the keys of conditions about it, are told of connections. Those of requests are not here. */
const FIELDS: Readonly<Record<string, Values>> = {
  principals,
  namespaces,
  serviceAccounts,
  ipBlocks: direct,
  remoteIpBlocks: remote,
  "source.principal": principals,
  "source.namespace": namespaces,
  "source.serviceAccount": serviceAccounts,
  "source.ip": direct,
  "remote.ip": remote,
};

/** All that a source asks of a connection. */
export function sourceOf(source: AuthorizationSource, surroundings: Surroundings): readonly Principal[] {
  return Object.entries(source).flatMap(([field, values]) => {
    const isNegated = field.startsWith("not");
    const name = isNegated ? `${field.charAt(3).toLowerCase()}${field.slice(4)}` : field;
    return listOf(name, values, isNegated, surroundings);
  });
}

/** What a list of values under a name asks: one of them, or none. Nothing where connections have nothing to compare. */
export function listOf(
  name: string,
  values: readonly string[] | undefined,
  isNegated: boolean,
  surroundings: Surroundings,
): readonly Principal[] {
  const make = FIELDS[name];
  if (make === undefined || values === undefined) return [];
  const one: Principal = { identifier: { case: "orIds", value: { ids: [...make(values, surroundings)] } } };
  return [isNegated ? { identifier: { case: "notId", value: one } } : one];
}

/** All of these; anybody where there are none. */
export function allPrincipals(ids: readonly Principal[]): Principal {
  return { identifier: { case: "andIds", value: { ids: ids.length === 0 ? [{ identifier: { case: "any", value: true } }] : [...ids] } } };
}

function authenticated(principalName: StringMatch): Principal {
  return { identifier: { case: "authenticated", value: { principalName } } };
}
