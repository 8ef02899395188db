import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";
import type { Bootstrap, Listener } from "../bootstrap/index.ts";
import { address } from "../bootstrap/index.ts";

const FIRST_PORT = 10_000;
const EVERYWHERE = "0.0.0.0";
export const ADMIN_PORT = 9_901;

/** A bootstrap as it can run in a container: listeners on fixed ports of every interface, which the engine maps to free ones of the host. */
export interface Adapted {
  readonly bootstrap: Bootstrap;
  /** Ports in the container, by listener name. */
  readonly ports: ReadonlyMap<string, number>;
  /** Files of this machine that it names; they are copied to the same paths. */
  readonly files: readonly string[];
}

export function adapt(bootstrap: Bootstrap): Adapted {
  const ports = new Map<string, number>();
  const listeners = (bootstrap.static_resources?.listeners ?? []).map((listener): Listener => {
    const asked = listener.address.socket_address.port_value;
    const port = asked === 0 ? FIRST_PORT + ports.size : asked;
    ports.set(listener.name, port);
    return { ...listener, address: address(EVERYWHERE, port) };
  });
  return {
    bootstrap: {
      ...bootstrap,
      admin: { address: address(EVERYWHERE, ADMIN_PORT) },
      static_resources: { ...bootstrap.static_resources, listeners },
    },
    ports,
    files: [...filesIn(bootstrap)],
  };
}

/** Every `filename` that exists here. */
function filesIn(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value !== "object" || value === null) return found;
  for (const [key, field] of Object.entries(value)) {
    if (key === "filename" && typeof field === "string" && isAbsolute(field) && existsSync(field)) found.add(field);
    else filesIn(field, found);
  }
  return found;
}
