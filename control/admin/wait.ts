import { setTimeout as sleep } from "node:timers/promises";
import type { ControlService } from "../control-service.ts";
import { proxyStatus } from "./proxy-status.ts";
import { unaskedTypes } from "./unasked.ts";

/** How a wait ended. */
export interface WaitResult {
  /** Every proxy has accepted everything. */
  readonly converged: boolean;
  /** Proxies that have not answered in time, with the types that are open, and those that they have yet to ask for. */
  readonly waiting: readonly { readonly proxy: string; readonly types: readonly string[]; readonly unasked: readonly string[] }[];
  /** What proxies refused, and why. */
  readonly refused: readonly { readonly proxy: string; readonly type: string; readonly resource: string; readonly reason: string }[];
  /** Errors in the sources, which are served without what they are about. */
  readonly errors: readonly string[];
}

/** Between two looks; a push takes some milliseconds. */
const LOOK_EVERY = 5;

/** Reads the sources to the end, then waits until every proxy has asked for all that it uses, and answered what it was sent; at most `timeout` milliseconds. */
export async function waitForProxies(service: ControlService, timeout: number): Promise<WaitResult> {
  const deadline = performance.now() + timeout;
  await service.refresh();
  for (;;) {
    const { waiting, refused } = lookAt(service, Date.now());
    if (waiting.length > 0 && performance.now() < deadline) {
      await sleep(LOOK_EVERY);
      continue;
    }
    const errors = service.problems().filter(({ level }) => level === "error");
    return {
      converged: waiting.length === 0 && refused.length === 0,
      waiting,
      refused,
      errors: errors.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`),
    };
  }
}

/**
 * What stands in the way at this moment.
 *
 * @param now milliseconds since 1970
 */
export function lookAt(service: ControlService, now: number): Pick<WaitResult, "waiting" | "refused"> {
  const streams = service.status();
  const proxies = proxyStatus(service, streams);
  const byProxy = Map.groupBy(streams, ({ proxy }) => proxy);
  const waiting = proxies.flatMap((proxy) => {
    const { id, types } = proxy;
    const open = types.filter(({ state }) => state === "STALE").map(({ type }) => type);
    const unasked = unaskedTypes(proxy, byProxy.get(id) ?? [], service.snapshotOf(id), now);
    return open.length + unasked.length === 0 ? [] : [{ proxy: id, types: open, unasked }];
  });
  const refused = proxies.flatMap(({ id, types }) =>
    types.flatMap(({ type, refused: refusals }) => refusals.map(({ name, reason }) => ({ proxy: id, type, resource: name, reason }))),
  );
  return { waiting, refused };
}
