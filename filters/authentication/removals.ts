import { arena, Bytes, HeaderMap } from "../sdk";
import { findCredential, Found, PATH, withoutParameter } from "./credentials";
import { Location, LocationKind } from "./location";
import { Settings } from "./settings";

/**
 * What is taken from a request: collected first, because each change makes the next look copy all headers, then applied. In the arena.
 */
@unmanaged
@final
export class Removals {
  private names: usize;
  private count: i32;
  private path: Bytes | null;

  static create(settings: Settings): Removals {
    const removals = changetype<Removals>(arena.allocate(offsetof<Removals>()));
    const most = settings.tokenLocations.length + settings.keyLocations.length + settings.trustedHeaders.length;
    removals.names = arena.allocate(<usize>most * sizeof<usize>());
    removals.count = 0;
    removals.path = null;
    return removals;
  }

  /** API keys that are not forwarded. */
  addCredentials(locations: Array<Location>, headers: HeaderMap): void {
    for (let i = 0; i < locations.length; i++) {
      const location = unchecked(locations[i]);
      if (!location.forward && findCredential(headers, location) != Found.Nothing) this.addCredential(location, headers);
    }
  }

  /** What stands in a place. Cookies stay, as in Istio: there is no header of theirs alone. */
  addCredential(location: Location, headers: HeaderMap): void {
    if (location.kind == LocationKind.Header) {
      this.add(location.name.bytes);
    } else if (location.kind == LocationKind.Parameter) {
      const path = this.path;
      const whole = path != null ? path : headers.get(PATH);
      if (whole != null) this.path = withoutParameter(whole, location.name.bytes);
    }
  }

  /** Headers that only this filter sets. */
  addForged(settings: Settings, headers: HeaderMap): void {
    const names = settings.trustedHeaders;
    for (let i = 0; i < names.length; i++) {
      const name = unchecked(names[i]).bytes;
      if (headers.has(name)) this.add(name);
    }
  }

  apply(headers: HeaderMap): void {
    for (let i = 0; i < this.count; i++) headers.remove(changetype<Bytes>(load<usize>(this.names + <usize>i * sizeof<usize>())));
    const path = this.path;
    if (path != null) headers.set(PATH, path);
  }

  private add(name: Bytes): void {
    store<usize>(this.names + <usize>this.count * sizeof<usize>(), changetype<usize>(name));
    this.count++;
  }
}
