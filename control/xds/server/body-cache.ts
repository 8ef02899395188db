import type { Draft, Protocol } from "./protocol.ts";
import type { ResourceView } from "./resource.ts";
import type { Body } from "./response.ts";
import type { Variant } from "./request.ts";

/** Longer lists are rarely the same for two streams, and finding out would cost as much as encoding. */
const KEY_LIMIT = 8;
const ENTRIES = 1000;

/**
 * Responses that many streams get within one push, encoded once. It is emptied when nobody waits, so it keeps no bytes alive that are on no way.
 */
export class BodyCache {
  private readonly identifier: string;
  private readonly byKey = new Map<string, Body>();
  private readonly byView: Readonly<Record<Variant, Map<ResourceView, Body>>> = { sotw: new Map(), delta: new Map() };

  constructor(identifier: string) {
    this.identifier = identifier;
  }

  encode(variant: Variant, protocol: Protocol, typeUrl: string, draft: Draft): Body {
    const { shared, all, contents } = draft;
    if (shared !== undefined) {
      const known = this.byView[variant].get(shared);
      // Versions of snapshots differ where views do not; what was new differs from stream to stream and is not part of the bytes.
      if (known?.contents.version === contents.version) return { bytes: known.bytes, contents };
      const body = protocol.encode(typeUrl, draft, this.identifier);
      this.byView[variant].set(shared, body);
      return body;
    }
    if (all.length + contents.removed.length > KEY_LIMIT) return protocol.encode(typeUrl, draft, this.identifier);
    let key = `${variant}\n${typeUrl}\n${contents.version}`;
    for (const { name, version } of all) key += `\n${name}\n${version}`;
    for (const name of contents.removed) key += `\n-\n${name}`;
    const known = this.byKey.get(key);
    if (known !== undefined) return { bytes: known.bytes, contents };
    const body = protocol.encode(typeUrl, draft, this.identifier);
    if (this.byKey.size < ENTRIES) this.byKey.set(key, body);
    return body;
  }

  clear(): void {
    this.byKey.clear();
    this.byView.sotw.clear();
    this.byView.delta.clear();
  }
}
