import { Bytes, Text } from "../../lib/bytes";
import { readProperty } from "../hostcalls/property";
import { IdTable } from "./id-table";
import { Root } from "./root";
import { Stream } from "./stream";

/** Live streams of a VM at most. One more gets 503: beyond this a worker has other troubles, and memory stays bounded. */
export const STREAM_LIMIT: i32 = 65_536;
const ROOT_LIMIT: i32 = 4_096;


@final
class Registration {
  constructor(
    readonly name: string,
    readonly factory: () => Root,
  ) {}
}

const registrations: Array<Registration> = new Array<Registration>();

export const roots: IdTable<Root> = new IdTable<Root>(ROOT_LIMIT);
export const streams: IdTable<Stream> = new IdTable<Stream>(STREAM_LIMIT);

/**
 * Makes a filter known, at the top of the module's entry. The only filter of a module serves every `root_id`; of several each serves the
 * `root_id` that is its name, and the first an empty one too.
 */
export function register(name: string, factory: () => Root): void {
  registrations.push(new Registration(name, factory));
}

const PLUGIN_NAME = Bytes.of("plugin_name");
const PLUGIN_ROOT_ID = Bytes.of("plugin_root_id");

/** Makes the root of a root context; `null` where no filter has its `root_id`. */
export function createRoot(contextId: u32): Root | null {
  const registration = findRegistration();
  if (registration == null) return null;
  const root = registration.factory();
  const name = readProperty(PLUGIN_NAME);
  root.begin(contextId, name != null ? Text.from(name) : Text.of(registration.name));
  return roots.set(contextId, root) ? root : null;
}

function findRegistration(): Registration | null {
  if (registrations.length == 1) return registrations[0];
  const rootId = readProperty(PLUGIN_ROOT_ID);
  if (rootId == null || rootId.length == 0) return registrations.length > 0 ? registrations[0] : null;
  const name = rootId.toString();
  for (let i = 0; i < registrations.length; i++) {
    if (registrations[i].name == name) return registrations[i];
  }
  return null;
}

/** The names that a `root_id` can have, for an error message. */
export function registeredNames(): string {
  let names = "";
  for (let i = 0; i < registrations.length; i++) names += (i > 0 ? ", " : "") + registrations[i].name;
  return names;
}
