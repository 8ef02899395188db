import { KeyUsageFlags } from "../x509.ts";
import type { Certificate } from "./certificate.ts";

export type ChainProblemCode =
  | "expired"
  | "not-yet-valid"
  | "is-ca"
  | "issuer-is-no-ca"
  | "issuer-may-not-sign"
  | "path-too-long"
  | "not-issued"
  | "untrusted"
  | "unknown-critical-extension";

/** What is wrong with one certificate of a chain. */
export interface ChainProblem {
  readonly code: ChainProblemCode;
  /** Place in the chain, from 0, the workload's own; the root that it leads to comes behind the last. */
  readonly index: number;
  readonly message: string;
}

/**
 * What is wrong with a chain, which begins with the workload's certificate, each signed by the next, the last by one of `roots` (RFC 5280, 6.1, without policies and name constraints: certificates
 * with a critical extension of that kind are not accepted). A root that stands in the chain is passed over.
 *
 * @param at milliseconds since 1970
 * @returns nothing where the chain is good
 */
export function chainProblems(chain: readonly Certificate[], roots: readonly Certificate[], at: number): readonly ChainProblem[] {
  const anchors = new Set(roots.map(({ fingerprint }) => fingerprint));
  const [leaf, ...rest] = chain;
  if (leaf === undefined) return [{ code: "untrusted", index: 0, message: "there is no certificate" }];
  const path = [leaf, ...rest.filter(({ fingerprint }) => !anchors.has(fingerprint))];
  const last = path.at(-1) ?? leaf;
  const root = roots.find((each) => each.issued(last)) ?? (path.length === 1 && anchors.has(leaf.fingerprint) ? leaf : undefined);
  const problems: ChainProblem[] = [];
  const add = (code: ChainProblemCode, index: number, message: string) => problems.push({ code, index, message });
  if (leaf.ca) add("is-ca", 0, "the first certificate is that of an authority, not of a workload");
  if (root === undefined) add("untrusted", path.length - 1, `no trusted root has signed it; its issuer is ${last.issuer || "nobody"}`);
  const whole = root === undefined || root === last ? path : [...path, root];
  for (const [index, certificate] of whole.entries()) {
    const { notBefore, notAfter } = certificate;
    const { unknownCritical } = certificate.extensions;
    if (at > notAfter) add("expired", index, `it expired at ${new Date(notAfter).toISOString()}`);
    if (at < notBefore)
      add("not-yet-valid", index, `it is valid from ${new Date(notBefore).toISOString()}; is this machine's clock right?`);
    if (unknownCritical.length > 0)
      add("unknown-critical-extension", index, `it has a critical extension that is not known here: ${unknownCritical.join(", ")}`);
    const issuer = whole[index + 1];
    if (issuer === undefined) continue;
    if (!issuer.issued(certificate)) add("not-issued", index, `the next certificate (${issuer.subject}) has not signed it`);
    if (!issuer.ca) add("issuer-is-no-ca", index + 1, "it signs a certificate, and is no authority (basicConstraints without CA)");
    const { keyUsage, pathLength } = issuer.extensions;
    if (keyUsage !== undefined && (keyUsage & KeyUsageFlags.keyCertSign) === 0)
      add("issuer-may-not-sign", index + 1, "it signs a certificate, and its key may not (keyUsage without keyCertSign)");
    // The leaf does not count: RFC 5280, 4.2.1.9.
    if (pathLength !== undefined && index > pathLength)
      add("path-too-long", index + 1, `${index} authorities stand below it; it allows ${pathLength}`);
  }
  return problems;
}
