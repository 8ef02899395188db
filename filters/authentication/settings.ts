import { Bytes, Text } from "../sdk";
import { ApiKeyProvider } from "./api-key";
import { Location } from "./location";
import { JwtRule } from "./rule";

/** A configuration as requests look at it. */
@final
export class Settings {
  readonly rules: Array<JwtRule> = new Array<JwtRule>();
  readonly apiKeys: Array<ApiKeyProvider> = new Array<ApiKeyProvider>();
  /** Places of tokens, and of API keys; each once. */
  readonly tokenLocations: Array<Location> = new Array<Location>();
  readonly keyLocations: Array<Location> = new Array<Location>();
  /** Headers that only this filter may set: what a client sends under these names is removed. */
  readonly trustedHeaders: Array<Text> = new Array<Text>();
  /** Whether a request without a token or an API key is refused. */
  required: bool = false;

  addTrustedHeader(name: Text): void {
    if (!this.trusts(name.bytes)) this.trustedHeaders.push(name);
  }

  trusts(name: Bytes): bool {
    for (let i = 0; i < this.trustedHeaders.length; i++) {
      if (this.trustedHeaders[i].bytes.equals(name)) return true;
    }
    return false;
  }
}

/** Adds `user` to the location of `locations` that is the same, or makes one. */
export function addLocation(locations: Array<Location>, location: Location, user: i32, forward: bool): void {
  let found: Location | null = null;
  for (let i = 0; i < locations.length && found == null; i++) {
    if (locations[i].sameAs(location)) found = locations[i];
  }
  if (found == null) {
    found = location;
    locations.push(found);
  }
  if (!found.users.includes(user)) found.users.push(user);
  if (forward) found.forward = true;
}
