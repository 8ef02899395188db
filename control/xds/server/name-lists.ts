import type { Request } from "./request.ts";
import { type Resource, resourceFor, type ResourceView } from "./resource.ts";
import { encodedSize } from "./response.ts";

/**
 * Lists of names that streams subscribe to. Proxies of a mesh ask for the same thousands of endpoints and routes, each in a request of its own: they are decoded
 * and held once, and live as long as a stream has them.
 */
export class NameLists {
  private readonly known = new Map<string, WeakRef<ReadonlySet<string>>>();
  private readonly gone = new FinalizationRegistry((digest: string) => {
    if (this.known.get(digest)?.deref() === undefined) this.known.delete(digest);
  });

  /** The names of a request as a set that is never changed; `undefined` for those that are not worth the search. */
  of(request: Pick<Request, "namesDigest" | "names">): ReadonlySet<string> | undefined {
    const { namesDigest } = request;
    if (namesDigest === undefined) return undefined;
    let list = this.known.get(namesDigest)?.deref();
    if (list === undefined) {
      list = new Set(request.names);
      this.known.set(namesDigest, new WeakRef(list));
      this.gone.register(list, namesDigest);
    }
    return list;
  }

  /** Lists that some stream has. */
  get size(): number {
    return this.known.size;
  }
}

/** What a view has for a list of names. */
export interface Listed {
  readonly resources: readonly Resource[];
  /** Names that it has nothing for. */
  readonly missing: readonly string[];
  /** About how many bytes the resources take in a response. */
  readonly size: number;
}

const LISTED = new WeakMap<ResourceView, WeakMap<ReadonlySet<string>, Listed>>();

/** Finds everything that a list names, once for all who have the same list and the same view. Neither may change. */
export function listed(typeUrl: string, list: ReadonlySet<string>, view: ResourceView): Listed {
  let byList = LISTED.get(view);
  if (byList === undefined) LISTED.set(view, (byList = new WeakMap<ReadonlySet<string>, Listed>()));
  let found = byList.get(list);
  if (found === undefined) byList.set(list, (found = find(typeUrl, list, view)));
  return found;
}

function find(typeUrl: string, list: ReadonlySet<string>, view: ResourceView): Listed {
  const resources: Resource[] = [];
  const missing: string[] = [];
  let size = 0;
  for (const name of list) {
    const resource = resourceFor(view, name, true);
    if (resource === undefined) {
      if (view.isComing?.(name) !== true) missing.push(name);
      continue;
    }
    resources.push(resource);
    size += encodedSize(typeUrl, resource);
  }
  return { resources, missing, size };
}
