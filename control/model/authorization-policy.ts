import type { Policy } from "./policy.ts";

/** Who may do what, in the words of Istio's AuthorizationPolicy. Lists that say nothing are not there. */
export interface AuthorizationPolicy extends Policy {
  readonly action: AuthorizationAction;
  /** One must match; without any the policy never does. */
  readonly rules: readonly AuthorizationRule[];
  /** Decides nothing: Istio's annotation `istio.io/dry-run`. */
  readonly dryRun: boolean;
  /** Of CUSTOM: one of MeshConfig's `extensionProviders`. */
  readonly provider: string | undefined;
}

export type AuthorizationAction = "ALLOW" | "DENY" | "AUDIT" | "CUSTOM";

/** Matches where one of `from`, one of `to` and all of `when` do. */
export interface AuthorizationRule {
  readonly from?: readonly { readonly source: AuthorizationSource }[];
  readonly to?: readonly { readonly operation: AuthorizationOperation }[];
  readonly when?: readonly AuthorizationCondition[];
}

/** All fields must hold; of each list one value, of a `not` list none. */
export type AuthorizationSource = Readonly<Partial<Record<SourceField, readonly string[]>>>;
export type AuthorizationOperation = Readonly<Partial<Record<OperationField, readonly string[]>>>;

export interface AuthorizationCondition {
  /** `request.headers[x-a]`, `source.ip`, ... */
  readonly key: string;
  readonly values?: readonly string[];
  readonly notValues?: readonly string[];
}

type Negated<Field extends string> = Field | `not${Capitalize<Field>}`;
export type SourceField = Negated<"principals" | "requestPrincipals" | "namespaces" | "serviceAccounts" | "ipBlocks" | "remoteIpBlocks">;
export type OperationField = Negated<"hosts" | "ports" | "methods" | "paths">;

const HTTP_FIELDS: ReadonlySet<string> = new Set<SourceField | OperationField>([
  "requestPrincipals",
  "notRequestPrincipals",
  "hosts",
  "notHosts",
  "methods",
  "notMethods",
  "paths",
  "notPaths",
]);

/** Whether a field of a source or an operation is of requests alone, so that connections of other protocols have nothing to compare. */
export function isHttpField(field: string): boolean {
  return HTTP_FIELDS.has(field);
}

/** The same of a condition's key. */
export function isHttpKey(key: string): boolean {
  return key.startsWith("request.");
}

/** Whether a rule looks at anything that only requests have. */
export function looksAtHttp({ from = [], to = [], when = [] }: AuthorizationRule): boolean {
  const fields = [...from.map(({ source }) => source), ...to.map(({ operation }) => operation)].flatMap((each) => Object.keys(each));
  return fields.some(isHttpField) || when.some(({ key }) => isHttpKey(key));
}
