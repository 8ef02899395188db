import type { Manifest, SourceFile } from "../model/index.ts";

/**
 * Gives files of one reading the names of those of another that have an object in common with them. What becomes of an object that has errors now depends on what was good before in the same file; so a copy of a
 * directory, or what a service has of one, is as if that directory had been edited.
 */
export function alignFiles(before: readonly SourceFile[], after: readonly SourceFile[]): readonly SourceFile[] {
  const holders = new Map<string, string>();
  for (const { file, manifests = [] } of after)
    for (const manifest of manifests) if (!holders.has(keyOf(manifest))) holders.set(keyOf(manifest), file);
  const taken = new Set<string>();
  const names = before.map(({ manifests = [] }) => {
    const found = manifests.map((manifest) => holders.get(keyOf(manifest))).find((name) => name !== undefined && !taken.has(name));
    if (found !== undefined) taken.add(found);
    return found;
  });
  return before.map((each, index) => {
    const name = names[index];
    if (name !== undefined) return { ...each, file: name };
    // It is another file than the one that has this name now.
    return taken.has(each.file) ? { ...each, file: `${each.file} (before)` } : each;
  });
}

function keyOf({ value: { kind, metadata } }: Manifest): string {
  const { namespace = "default", name } = typeof metadata === "object" && metadata !== null ? (metadata as Record<string, unknown>) : {};
  return `${String(kind)}/${String(namespace)}/${String(name)}`;
}
