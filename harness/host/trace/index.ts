import type { HostObserver } from "../observer.ts";
import type { Instrument } from "../worker/messages.ts";
import { LastCall } from "./last-call.ts";
import { Profiler, type CallProfile } from "./profiler.ts";
import { TraceRecorder, type TracedCallback } from "./recorder.ts";

/** What keeps the calls of one host, and hands them over. */
export interface Instrumentation {
  readonly observer: HostObserver;
  /** What was kept until now counts no more. */
  begin(): Promise<void>;
  calls(): Promise<readonly TracedCallback[] | CallProfile>;
}

/** @param lastCall two words that say where the module is, for another thread */
export function instrumentation(instrument: Instrument, lastCall: SharedArrayBuffer): Instrumentation {
  if (instrument === "profile") {
    const profiler = new Profiler();
    return { observer: new LastCall(lastCall, profiler), begin: () => profiler.start(), calls: () => profiler.stop() };
  }
  const recorder = new TraceRecorder();
  return { observer: new LastCall(lastCall, recorder), begin: async () => void recorder.take(), calls: async () => recorder.take() };
}
