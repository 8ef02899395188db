import type { ProxyView } from "../../model/index.ts";

/** Whether a proxy's Envoy is older than a release, such as 1.37. One that does not say is taken for a new one. Whoever asks shares with no proxy. */
export function isOlderThan(view: ProxyView, major: number, minor: number): boolean {
  const [, ownMajor, ownMinor] = /^(\d+)\.(\d+)\./.exec(view.proxy().envoyVersion) ?? [];
  if (ownMajor === undefined || ownMinor === undefined) return false;
  return Number(ownMajor) < major || (Number(ownMajor) === major && Number(ownMinor) < minor);
}
