import { isMapping } from "../model/fields/index.ts";
import type { Registration } from "../model/index.ts";
import type { EntryFormat } from "./kept-list.ts";

/** Which proxies have registered: else their workloads would get no requests after a restart until they are back. */
export const REGISTRATIONS: EntryFormat<Registration> = {
  what: "which proxies have registered",
  write: (registration) => ({ file: registration.id, line: 1, text: JSON.stringify(registration) }),
  read: ({ text }) => registrationOf(JSON.parse(text)),
};

function registrationOf(value: unknown): Registration | undefined {
  if (!isMapping(value)) return undefined;
  const { id, namespace, group, serviceAccount, address, network, locality, labels, identity, healthy, entry } = value;
  const isText = (each: unknown): each is string => typeof each === "string";
  if (!isText(id) || !isText(namespace) || !isText(group) || !isText(serviceAccount) || !isText(address)) return undefined;
  if (!isText(network) || !isText(locality) || !isMapping(labels) || !Object.values(labels).every(isText)) return undefined;
  return {
    id,
    namespace,
    group,
    serviceAccount,
    address,
    network,
    locality,
    labels: labels as Record<string, string>,
    identity: identity === true,
    healthy: typeof healthy === "boolean" ? healthy : undefined,
    entry: isText(entry) ? entry : undefined,
  };
}
