import type { Draft, Protocol } from "./protocol.ts";
import type { Variant } from "./request.ts";
import type { Resource } from "./resource.ts";
import type { Body } from "./response.ts";

/** Bytes of responses that are kept for the next stream. */
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
  private readonly entries = new Map<string, Entry[]>();
  private size = 0;

  constructor(identifier: string) {
    this.identifier = identifier;
  }

  encode(variant: Variant, protocol: Protocol, typeUrl: string, draft: Draft): Body {
    const { all, contents } = draft;
    const key = `${variant}\n${typeUrl}\n${contents.version}\n${all.length}\n${all[0]?.name}\n${contents.removed.length}\n${contents.removed[0]}`;
    let alike = this.entries.get(key);
    const known = alike?.find((entry) => same(entry.all, all) && same(entry.body.contents.removed, contents.removed));
    if (known !== undefined) {
      // What was new to a client differs from stream to stream and is no part of the bytes; mostly it is everything, and one list serves all.
      return contents.resources.length === all.length ? known.body : { bytes: known.body.bytes, contents };
    }
    const body = protocol.encode(typeUrl, draft, this.identifier);
    if (this.size + body.bytes.length > CAPACITY) {
      this.clear();
      alike = undefined;
    }
    if (alike === undefined) this.entries.set(key, (alike = []));
    if (alike.length < ALIKE) {
      alike.push({ body, all });
      this.size += body.bytes.length;
    }
    return body;
  }

  /** Called when nobody waits for anything: what comes next is something else. */
  clear(): void {
    this.entries.clear();
    this.size = 0;
  }
}

function same<T>(left: readonly T[], right: readonly T[]): boolean {
  return left === right || (left.length === right.length && left.every((value, i) => value === right[i]));
}
