import type { Certificate } from "./certificate.ts";

/** Authorities between a workload and a root, at most. */
const LONGEST = 8;

/**
 * The certificates from `leaf` up to one that a root has signed, or as far as `others` go: each time one that has signed the last.
 *
 * @returns without the root, unless `leaf` is one
 */
export function pathOf(leaf: Certificate, others: readonly Certificate[], roots: readonly Certificate[]): readonly Certificate[] {
  const path = [leaf];
  while (path.length <= LONGEST) {
    const last = path.at(-1) ?? leaf;
    if (roots.some((root) => root.issued(last))) break;
    const issuer = others.find((each) => !path.some(({ fingerprint }) => fingerprint === each.fingerprint) && each.issued(last));
    if (issuer === undefined) break;
    path.push(issuer);
  }
  return path;
}
