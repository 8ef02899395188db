import type { Manifest, Source, SourceChange } from "../model/index.ts";

/** A source whose manifests are read as something else; what `map` gives for a manifest is made once. */
export function mapped(source: Source, map: (manifest: Manifest) => Manifest): Source {
  const known = new WeakMap<Manifest, Manifest>();
  const once = (manifest: Manifest): Manifest => {
    let made = known.get(manifest);
    if (made === undefined) known.set(manifest, (made = map(manifest)));
    return made;
  };
  const through = ({ files, complete }: SourceChange): SourceChange => ({
    files: files.map((file) => ({ ...file, manifests: file.manifests?.map(once) })),
    complete,
  });
  return {
    name: source.name,
    start: (changed) => source.start((change) => changed(through(change))),
    refresh: () => source.refresh(),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}
