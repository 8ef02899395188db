/** Who a workload is. Each part is checked by {@link identityProblem} before it gets here. */
export interface Identity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** SPIFFE-ID 2.1 and 2.2: letters of a trust domain and bytes of an id. https://spiffe.io/docs/latest/spiffe-specs/spiffe-id/ */
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;
const LONGEST_ID = 2048;
/** Names of Kubernetes: an RFC 1123 label for namespaces, a subdomain for service accounts. */
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const SERVICE_ACCOUNT = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const ID = /^spiffe:\/\/([^/]*)\/ns\/([^/]*)\/sa\/([^/]*)$/;

/** What is wrong with the parts of an identity; undefined where nothing is. */
export function identityProblem({ trustDomain, namespace, serviceAccount }: Identity): string | undefined {
  if (!TRUST_DOMAIN.test(trustDomain)) return `trust domain ${quoted(trustDomain)} is not made of 1 to 255 of a-z, 0-9, ".", "-" and "_"`;
  if (!NAMESPACE.test(namespace)) return `namespace ${quoted(namespace)} is no name of a namespace: 1 to 63 of a-z, 0-9 and "-"`;
  // `..` would be a step up in a path, which SPIFFE-ID 2.2 rules out; Kubernetes has no such name either.
  if (!SERVICE_ACCOUNT.test(serviceAccount) || serviceAccount.includes(".."))
    return `service account ${quoted(serviceAccount)} is no name of a service account: 1 to 253 of a-z, 0-9, "." and "-"`;
  return undefined;
}

/**
 * Reads an id. What differs from the one form in which it is written is another id or none: capitals, percent escapes, a port, a query, a trailing slash, and every byte that is not
 * ASCII are refused, since a peer that reads the name loosely would take it for someone else's (CVE-2009-2408 for NUL in names).
 *
 * @returns what is wrong, as a text, where it is none
 */
export function parseSpiffeId(uri: string): Identity | string {
  if (uri.length > LONGEST_ID) return `a SPIFFE id has at most ${LONGEST_ID} bytes; this one has ${uri.length}`;
  const match = ID.exec(uri);
  if (match === null) return `${quoted(uri)} is no SPIFFE id of a workload; expected spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`;
  const [, trustDomain = "", namespace = "", serviceAccount = ""] = match;
  const identity = { trustDomain, namespace, serviceAccount };
  const problem = identityProblem(identity);
  return problem === undefined ? identity : `${quoted(uri)}: ${problem}`;
}

/** `spiffe://cluster.local/ns/default/sa/reviews` */
export function formatSpiffeId({ trustDomain, namespace, serviceAccount }: Identity): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

export function sameIdentity(a: Identity, b: Identity): boolean {
  return formatSpiffeId(a) === formatSpiffeId(b);
}

/** For a message: what a stranger wrote, in ASCII, on one line and not at length. */
function quoted(text: string): string {
  const start = text.length > 200 ? `${text.slice(0, 200)}...` : text;
  return JSON.stringify(start).replaceAll(/[^\x20-\x7e]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
