import type { Mark } from "../health/index.ts";
import { isMapping } from "../model/fields/index.ts";
import type { EntryFormat } from "./kept-list.ts";

/** A token in the configuration of proxies. */
export interface KeptToken {
  readonly token: string;
  /** When it was made, in milliseconds since 1970; of older services not known. */
  readonly since?: number;
}

/** What mesh-wide health keeps: hosts that are or were out, and the tokens in the configuration of proxies, the newest first, which would be others after each restart. */
export type HealthEntry = Mark | KeptToken;

/** Else a host that is out would get requests again because the control service was restarted. */
export const HEALTH: EntryFormat<HealthEntry> = {
  what: "which hosts are out",
  write: (entry) => ({ file: "token" in entry ? "token" : entry.address, line: 1, text: JSON.stringify(entry) }),
  read: ({ text }) => entryOf(JSON.parse(text)),
};

function entryOf(value: unknown): HealthEntry | undefined {
  if (!isMapping(value)) return undefined;
  const { token, service, port, address, state, since, until, times, reason } = value;
  const isNumber = (each: unknown): each is number => typeof each === "number" && Number.isFinite(each);
  if (typeof token === "string") return { token, ...(isNumber(since) && { since }) };
  if (typeof service !== "string" || typeof address !== "string" || !isNumber(port)) return undefined;
  if (state !== "out" && state !== "returning" && state !== "back") return undefined;
  if (!isNumber(since) || !isNumber(until) || !isNumber(times)) return undefined;
  return { service, port, address, state, since, until, times, ...(typeof reason === "string" && { reason }) };
}
