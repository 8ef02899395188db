import { ConfigValue } from "../lib/config";
import { Text } from "../sdk";
import { Location, LocationKind } from "./location";
import { addLocation } from "./settings";

const HEADER_FIELDS: string[] = ["name", "prefix"];

/** Reads fromHeaders, fromParams and fromCookies into `locations`, for `user`. Returns how many places they name. */
export function parseLocations(value: ConfigValue, locations: Array<Location>, user: i32, forward: bool): i32 {
  let count = 0;
  const headers = value.get("fromHeaders");
  const headerItems = headers != null ? headers.items() : [];
  for (let i = 0; i < headerItems.length; i++) {
    const item = headerItems[i].object(HEADER_FIELDS);
    const name = item.required("name");
    const prefix = item.get("prefix");
    if (name == null) continue;
    const text = prefix != null ? prefix.headerValue() : Text.of("");
    addLocation(locations, new Location(LocationKind.Header, name.headerName(), text), user, forward);
    count++;
  }
  count += parseNames(value.get("fromParams"), LocationKind.Parameter, locations, user, forward);
  return count + parseNames(value.get("fromCookies"), LocationKind.Cookie, locations, user, forward);
}

function parseNames(value: ConfigValue | null, kind: LocationKind, locations: Array<Location>, user: i32, forward: bool): i32 {
  if (value == null) return 0;
  const items = value.items();
  for (let i = 0; i < items.length; i++) addLocation(locations, new Location(kind, items[i].nonEmptyText(), Text.of("")), user, forward);
  return items.length;
}

/** Where a token stands unless a rule says otherwise, as in Istio: `Authorization: Bearer`, then the parameter `access_token`. */
export function addDefaultLocations(locations: Array<Location>, user: i32, forward: bool): void {
  addLocation(locations, new Location(LocationKind.Header, Text.of("authorization"), Text.of("Bearer ")), user, forward);
  addLocation(locations, new Location(LocationKind.Parameter, Text.of("access_token"), Text.of("")), user, forward);
}
