import type { Draft, Protocol } from "./protocol.ts";
import type { Variant } from "./request.ts";
import type { Resource } from "./resource.ts";
import type { Body } from "./response.ts";

/** Bytes of responses that are kept for the next stream, of the last second or so and of the one before each. */
const CAPACITY = 16 * 1024 * 1024;
/** Responses of one type that look alike at first sight: as many resources, the same first one. */
const ALIKE = 4;

interface Entry {
  readonly body: Body;
  readonly all: readonly Resource[];
}

/**
 * Responses that many streams get, encoded once: a change that is pushed to all, the first configuration of proxies that connect in a storm. Whether two
 * are the same is found by comparing their lists; resources are the same objects for everybody, so that costs next to nothing against encoding.
 */
export class BodyCache {
  readonly identifier: string;
  private recent = new Map<string, Entry[]>();
  private older: ReadonlyMap<string, readonly Entry[]> = new Map();
  /** Bytes of what is recent. */
  private size = 0;

  constructor(identifier: string) {
    this.identifier = identifier;
  }

  encode(variant: Variant, protocol: Protocol, typeUrl: string, draft: Draft): Body {
    const { all, contents } = draft;
    const key = `${variant}\n${typeUrl}\n${contents.version}\n${all.length}\n${all[0]?.name}\n${contents.removed.length}\n${contents.removed[0]}`;
    const isMeant = (entry: Entry) => same(entry.all, all) && same(entry.body.contents.removed, contents.removed);
    let known = this.recent.get(key)?.find(isMeant);
    if (known === undefined) {
      known = this.older.get(key)?.find(isMeant) ?? { body: protocol.encode(typeUrl, draft, this.identifier), all };
      this.keep(key, known);
    }
    // What was new to a client differs from stream to stream and is no part of the bytes; mostly it is everything, and one list serves all.
    return contents.resources.length === all.length ? known.body : { bytes: known.body.bytes, contents };
  }

  /** Lets go of what nobody asked for since the last call: what comes next is something else. Called every second or so. */
  expire(): void {
    this.older = this.recent;
    this.recent = new Map();
    this.size = 0;
  }

  private keep(key: string, entry: Entry): void {
    const { length } = entry.body.bytes;
    if (this.size + length > CAPACITY) this.expire();
    const alike = this.recent.get(key);
    if (alike === undefined) this.recent.set(key, [entry]);
    else if (alike.length < ALIKE) alike.push(entry);
    else return;
    this.size += length;
  }
}

function same<T>(left: readonly T[], right: readonly T[]): boolean {
  return left === right || (left.length === right.length && left.every((value, i) => value === right[i]));
}
