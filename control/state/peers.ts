import { isMapping } from "../model/fields/index.ts";
import type { Peer } from "../model/index.ts";
import type { EntryFormat } from "./kept-list.ts";

/** Which workloads have a proxy with a certificate: else clients would be told after a restart to speak plain text to those whose proxies are not back yet. */
export const PEERS: EntryFormat<Peer> = {
  what: "what proxies told",
  write: (peer) => ({ file: peer.id, line: 1, text: JSON.stringify(peer) }),
  read: ({ text }) => peerOf(JSON.parse(text)),
};

function peerOf(value: unknown): Peer | undefined {
  if (!isMapping(value)) return undefined;
  // What was kept before there were others than redirected ones says nothing of it.
  const { id, namespace, serviceAccount, labels, addresses, identity, redirected = true } = value;
  const isText = (each: unknown): each is string => typeof each === "string";
  if (!isText(id) || !isText(namespace) || !isText(serviceAccount) || typeof identity !== "boolean") return undefined;
  if (typeof redirected !== "boolean") return undefined;
  if (!Array.isArray(addresses) || !addresses.every(isText) || !isMapping(labels) || !Object.values(labels).every(isText)) return undefined;
  return { id, namespace, serviceAccount, labels: labels as Record<string, string>, addresses, identity, redirected };
}
