import { typed, type Extension } from "../../../harness/envoy/index.ts";

// An AuthorizationPolicy as istiod hands it to Envoy: what the authorization filter is compared with.

export interface Source {
  readonly [field: string]: readonly string[] | undefined;
}

export interface Condition {
  readonly key: string;
  readonly values?: readonly string[];
  readonly notValues?: readonly string[];
}

export interface Rule {
  readonly from?: ReadonlyArray<{ readonly source: Source }>;
  readonly to?: ReadonlyArray<{ readonly operation: Source }>;
  readonly when?: readonly Condition[];
}

export interface Policy {
  readonly name: string;
  readonly namespace: string;
  readonly action: "ALLOW" | "DENY";
  readonly rules: readonly Rule[];
}

type Matcher = Readonly<Record<string, unknown>>;

/** Where the verified claims are for native RBAC: as dynamic metadata of Envoy's own `jwt_authn`. */
export const JWT_METADATA = { filter: "envoy.filters.http.jwt_authn", key: "payload" } as const;

const regex = (expression: string): Matcher => ({ safe_regex: { regex: expression } });

/** Istio's `StringMatcherWithPrefix`. */
function text(value: string, prefix = ""): Matcher {
  if (value === "*") return regex(".+");
  if (value.startsWith("*")) return prefix === "" ? { suffix: value.slice(1) } : regex(`${prefix}.*${value.slice(1)}`);
  return value.endsWith("*") ? { prefix: prefix + value.slice(0, -1) } : { exact: prefix + value };
}

function header(name: string, value: string, ignoreCase = false): Matcher {
  if (value === "*") return { header: { name, present_match: true } };
  return { header: { name, string_match: { ...text(value), ...(ignoreCase && { ignore_case: true }) } } };
}

function range(value: string): Matcher {
  const [address = "", length] = value.split("/");
  return { address_prefix: address, prefix_len: Number(length ?? (address.includes(":") ? 128 : 32)) };
}

const peer = (match: Matcher): Matcher => ({ authenticated: { principal_name: match } });

function claim(path: readonly string[], value: Matcher): Matcher {
  return { metadata: { filter: JWT_METADATA.filter, path: [JWT_METADATA.key, ...path].map((key) => ({ key })), value } };
}

/** A claim that is text, or a list with such a text. */
function claimOrList(path: readonly string[], value: string): Matcher {
  const match = { string_match: text(value) };
  return { or_ids: { ids: [claim(path, match), claim(path, { list_match: { one_of: match } })] } };
}

function requestPrincipal(value: string): Matcher {
  const slash = value.lastIndexOf("/");
  const [issuer, subject] = slash < 0 ? [value, ""] : [value.slice(0, slash), value.slice(slash + 1)];
  const any = regex(".+");
  let of: readonly [Matcher, Matcher] = [{ exact: issuer }, { exact: subject }];
  if (value === "*") of = [any, any];
  else if (value.startsWith("*"))
    of = slash < 0 ? [any, { suffix: value.slice(1) }] : [issuer === "*" ? any : { suffix: issuer.slice(1) }, { exact: subject }];
  else if (value.endsWith("*"))
    of = slash < 0 ? [{ prefix: value.slice(0, -1) }, any] : [{ exact: issuer }, subject === "*" ? any : { prefix: subject.slice(0, -1) }];
  return { and_ids: { ids: [claim(["iss"], { string_match: of[0] }), claim(["sub"], { string_match: of[1] })] } };
}

function serviceAccount(value: string, namespace: string): Matcher {
  const [ns, account] = value.includes("/") ? value.split("/") : [namespace, value];
  return peer(regex(`spiffe://.+/ns/${ns}/(.+/|)sa/${account}(/.+)?`));
}

const PERMISSIONS: Readonly<Record<string, (value: string) => Matcher>> = {
  hosts: (value) => header(":authority", value, true),
  methods: (value) => header(":method", value),
  ports: (value) => ({ destination_port: Number(value) }),
  "destination.port": (value) => ({ destination_port: Number(value) }),
  "destination.ip": (value) => ({ destination_ip: range(value) }),
  "connection.sni": (value) => ({ requested_server_name: text(value) }),
  paths: (value) =>
    /\{\*\*?\}/.test(value)
      ? {
          uri_template: {
            name: "uri-template",
            typed_config: typed("path.match.uri_template.v3.UriTemplateMatchConfig", {
              path_template: value.replaceAll(/\{(\*\*?)\}/g, "$1"),
            }),
          },
        }
      : { url_path: { path: text(value) } },
};

function principalOf(field: string, namespace: string): (value: string) => Matcher {
  const name = /^request\.(headers|auth\.claims)\[(.*)\]$/.exec(field);
  if (name?.[1] === "headers") return (value) => header(name[2] ?? "", value);
  if (name !== null) return (value) => claimOrList((name[2] ?? "").split("]["), value);
  switch (field) {
    case "principals":
    case "source.principal":
      return (value) => peer(text(value, "spiffe://"));
    case "namespaces":
    case "source.namespace":
      return (value) => peer(regex(`.*/ns/${value.replaceAll("*", ".*")}/.*`));
    case "serviceAccounts":
      return (value) => serviceAccount(value, namespace);
    case "ipBlocks":
    case "source.ip":
      return (value) => ({ direct_remote_ip: range(value) });
    case "remoteIpBlocks":
    case "remote.ip":
      return (value) => ({ remote_ip: range(value) });
    case "requestPrincipals":
    case "request.auth.principal":
      return requestPrincipal;
    case "request.auth.audiences":
      return (value) => claimOrList(["aud"], value);
    case "request.auth.presenter":
      return (value) => claimOrList(["azp"], value);
    default:
      throw new Error(`no translation for ${field}`);
  }
}

/** The conditions of one field: one of `values`, none of `notValues`. */
interface Field {
  readonly of: (value: string) => Matcher;
  readonly values?: readonly string[] | undefined;
  readonly notValues?: readonly string[] | undefined;
}

function allOf(fields: readonly Field[], kind: "rules" | "ids"): Matcher {
  const [and, or, not] = kind === "rules" ? ["and_rules", "or_rules", "not_rule"] : ["and_ids", "or_ids", "not_id"];
  const parts = fields.flatMap(({ of, values, notValues }) => [
    ...(values === undefined ? [] : [{ [or]: { [kind]: values.map(of) } }]),
    ...(notValues === undefined ? [] : [{ [not]: { [or]: { [kind]: notValues.map(of) } } }]),
  ]);
  return { [and]: { [kind]: parts.length === 0 ? [{ any: true }] : parts } };
}

function fieldsOf(block: Source, translate: (field: string) => (value: string) => Matcher): Field[] {
  return Object.entries(block).map(([field, values]) => {
    const positive = /^not[A-Z]/.test(field) ? `${field.charAt(3).toLowerCase()}${field.slice(4)}` : field;
    return { of: translate(positive), ...(positive === field ? { values } : { notValues: values }) };
  });
}

function policyOf({ from, to, when = [] }: Rule, namespace: string): Matcher {
  const conditions = when.map(({ key, values, notValues }) => {
    const permission = PERMISSIONS[key];
    return { isPermission: permission !== undefined, field: { of: permission ?? principalOf(key, namespace), values, notValues } };
  });
  const ofPermissions = conditions.filter(({ isPermission }) => isPermission).map(({ field }) => field);
  const ofPrincipals = conditions.filter(({ isPermission }) => !isPermission).map(({ field }) => field);
  const operations = to?.map(({ operation }) => fieldsOf(operation, (field) => PERMISSIONS[field] ?? (() => ({ any: true })))) ?? [[]];
  const sources = from?.map(({ source }) => fieldsOf(source, (field) => principalOf(field, namespace))) ?? [[]];
  return {
    permissions: operations.map((fields) => allOf([...fields, ...ofPermissions], "rules")),
    principals: sources.map((fields) => allOf([...fields, ...ofPrincipals], "ids")),
  };
}

/** Envoy's filters for `policies`, in Istio's order. */
export function rbacFilters(policies: readonly Policy[]): Extension[] {
  return (["DENY", "ALLOW"] as const).flatMap((action) => {
    const of = policies.filter((policy) => policy.action === action);
    if (of.length === 0) return [];
    const rules = of.flatMap(({ name, namespace, rules: list }) =>
      list.map((rule, i) => [`ns[${namespace}]-policy[${name}]-rule[${i}]`, policyOf(rule, namespace)] as const),
    );
    const fields = { rules: { action, policies: Object.fromEntries(rules) } };
    return [{ name: `rbac-${action.toLowerCase()}`, typed_config: typed("filters.http.rbac.v3.RBAC", fields) }];
  });
}
