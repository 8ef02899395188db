import type { BootstrapRequest } from "../../control/bootstrap/index.ts";
import { DRAINING_TYPE } from "../../control/model/index.ts";
import { reportStream, type ReporterOptions } from "./report-stream.ts";

export interface LeaveOptions extends Pick<ReporterOptions, "node" | "identity" | "log"> {
  /** Holds the stream on which it was said: it says so again to a control service that was away meanwhile. */
  readonly resources: AsyncDisposableStack;
}

/** Tells the control service that the proxy drains. Resolves when those that call its workload know, or when that cannot be had; a drain never fails for it. */
export async function takeLeave(request: BootstrapRequest, { resources, ...options }: LeaveOptions, end: AbortSignal): Promise<void> {
  const { log } = options;
  const { promise, resolve } = Promise.withResolvers<void>();
  const heard = (problem: Error | undefined) => {
    if (problem === undefined) log.info({}, "callers know that this proxy drains");
    resolve();
  };
  end.addEventListener("abort", () => resolve(), { once: true });
  try {
    const stream = await reportStream(request, { ...options, typeUrl: DRAINING_TYPE, what: "the drain of this proxy", heard });
    if (stream === undefined || end.aborted) return;
    resources.use(stream).report();
    await promise;
  } catch (error) {
    log.warn({ reason: (error as Error).message }, "the control service cannot be told that this proxy drains");
  }
}
