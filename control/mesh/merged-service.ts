import type { Endpoint, Service } from "../model/index.ts";

const merged = new WeakMap<Service, { readonly others: readonly Service[]; readonly service: Service }>();

/** A service with the ports and endpoints that others of its host add (see `mergesWith`), the oldest first. The same object as long as they are the same. */
export function mergedService(first: Service, others: readonly Service[]): Service {
  if (others.length === 0) return first;
  const known = merged.get(first);
  if (known !== undefined && known.others.length === others.length && known.others.every((each, index) => each === others[index]))
    return known.service;
  const service = others.reduce(merge, first);
  merged.set(first, { others, service });
  return service;
}

function merge(first: Service, other: Service): Service {
  const ports = [...first.ports];
  /** What a port of the other is called here; those that are left out have no place. */
  const names = new Map<string, string>();
  for (const port of other.ports) {
    const same = first.ports.find(({ number }) => number === port.number);
    if (same === undefined) {
      const free = [port.name, `${port.name}-${port.number}`].find((name) => ports.every((each) => each.name !== name));
      const name = free ?? `${port.number}`;
      names.set(port.name, name);
      ports.push({ ...port, name });
    } else if (same.protocol === port.protocol && first.resolution !== "dns-round-robin") {
      // Of one name alone Envoy takes the first address.
      names.set(port.name, same.name);
    }
  }
  const added = other.endpoints.map((endpoint) => renamed(endpoint, names)).filter((endpoint) => Object.keys(endpoint.ports).length > 0);
  return {
    ...first,
    ports,
    addresses: [...new Set([...first.addresses, ...other.addresses])],
    endpoints: added.reduce(withEndpoint, first.endpoints),
    subjectAltNames: [...new Set([...first.subjectAltNames, ...other.subjectAltNames])],
  };
}

function renamed(endpoint: Endpoint, names: ReadonlyMap<string, string>): Endpoint {
  const ports = Object.entries(endpoint.ports).flatMap(([name, number]) => {
    const own = names.get(name);
    return own === undefined ? [] : [[own, number] as const];
  });
  return { ...endpoint, ports: Object.fromEntries(ports) };
}

/** One that is there already for the same port is not there twice. */
function withEndpoint(endpoints: readonly Endpoint[], added: Endpoint): readonly Endpoint[] {
  const ports = Object.entries(added.ports).filter(
    ([name, number]) => !endpoints.some((each) => each.address === added.address && each.ports[name] === number),
  );
  return ports.length === 0 ? endpoints : [...endpoints, { ...added, ports: Object.fromEntries(ports) }];
}
