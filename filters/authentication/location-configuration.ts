import { ConfigValue } from "../lib/config";
import { Text } from "../sdk";
import { Location, LocationKind } from "./location";
import { addLocation } from "./settings";

const HEADER_FIELDS: string[] = ["name", "prefix"];

/** The items of the list `name`; none where it is not there. */
export function itemsOf(value: ConfigValue, name: string): Array<ConfigValue> {
  const list = value.get(name);
  return list != null ? list.items() : new Array<ConfigValue>();
}

/** Reads fromHeaders, fromParams and fromCookies into `locations`, for `user`. Returns how many places they name. */
export function parseLocations(value: ConfigValue, locations: Array<Location>, user: i32, forward: bool): i32 {
  let count = 0;
  const headerItems = itemsOf(value, "fromHeaders");
  for (let i = 0; i < headerItems.length; i++) {
    const item = headerItems[i].object(HEADER_FIELDS);
    const name = item.required("name");
    const prefix = item.get("prefix");
    if (name == null) continue;
    const text = prefix != null ? prefix.headerValue() : Text.of("");
    addLocation(locations, new Location(LocationKind.Header, name.headerName(), text), user, forward);
    count++;
  }
  count += parseNames(itemsOf(value, "fromParams"), LocationKind.Parameter, locations, user, forward);
  return count + parseNames(itemsOf(value, "fromCookies"), LocationKind.Cookie, locations, user, forward);
}

function parseNames(items: Array<ConfigValue>, kind: LocationKind, locations: Array<Location>, user: i32, forward: bool): i32 {
  for (let i = 0; i < items.length; i++) addLocation(locations, new Location(kind, items[i].nonEmptyText(), Text.of("")), user, forward);
  return items.length;
}

/** Where a token stands unless a rule says otherwise, as in Istio: `Authorization: Bearer`, then the parameter `access_token`. */
export function addDefaultLocations(locations: Array<Location>, user: i32, forward: bool): void {
  addLocation(locations, new Location(LocationKind.Header, Text.of("authorization"), Text.of("Bearer ")), user, forward);
  addLocation(locations, new Location(LocationKind.Parameter, Text.of("access_token"), Text.of("")), user, forward);
}
