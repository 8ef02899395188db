import type { ExchangeResult, HeaderList, LogLine } from "../target/index.ts";
import {
  type ExpectedResponse,
  toEject,
  toForward,
  toHaveHeader,
  toRespond,
  toRespondWith,
  toReturnHeader,
  toSendHeader,
  type WithHeaders,
} from "./exchange.ts";
import { type Losing, toLoseAtMost, toLoseNothing } from "./load.ts";
import { type Logging, type Measuring, toHaveLogged, toHaveMetric } from "./observed.ts";
import { type Pausing, toResumeAfter } from "./stream.ts";

export type { ExpectedResponse, Logging, Losing, Measuring, Pausing, WithHeaders };
export type { Verdict } from "./verdict.ts";

/** In the form that `expect.extend` of vitest and jest takes: what is examined first, then the arguments. */
export const matchers = {
  toForward,
  toRespond,
  toRespondWith,
  toSendHeader,
  toReturnHeader,
  toHaveHeader,
  toHaveLogged,
  toHaveMetric,
  toResumeAfter,
  toEject,
  toLoseNothing,
  toLoseAtMost,
} as const;

/** Expectations on what a filter did, whose failures show the whole exchange. Those on something else than `T` are not there. */
export interface Matchers<R = void> {
  /** Of a result: the upstream answered; with `where`, through this route or cluster. */
  toForward(where?: { readonly route?: string; readonly cluster?: string }): R;
  /** Of a result: Envoy or a filter answered with `status`; with `details`, for this reason. */
  toRespond(status: number, details?: string): R;
  /** Of a result: the same, and the answer's details, headers and body where they are given. */
  toRespondWith(status: number, response?: ExpectedResponse): R;
  /** Of a result: the upstream saw exactly these values of a header, in order; none where the request came without it. */
  toSendHeader(name: string, ...values: string[]): R;
  /** Of a result: the client saw exactly these values of a header, in order; none for an absent one. */
  toReturnHeader(name: string, ...values: string[]): R;
  /** Of a result: a filter marked the host for outlier detection; with `rule`, by this one. */
  toEject(rule?: string): R;
  /** Of a request, a response or a list of headers: exactly these values, in order; without values, any. */
  toHaveHeader(name: string, ...values: string[]): R;
  /** Of a run, a target or the in-process host: a line that contains the text, or matches. To be awaited. */
  toHaveLogged(message: string | RegExp, level?: LogLine["level"]): Promise<void>;
  /** Of a run, a target or the in-process host: a counter or gauge of that name; with `value`, which stands there. To be awaited. */
  toHaveMetric(name: string, value?: number): Promise<void>;
  /** Of a paused stream of the in-process host, whose clock is advanced: it goes on after this time and no sooner. Of a result: filters held the request back for so long at least. */
  toResumeAfter(milliseconds: number): R;
  /** Of a load, or a window of one: requests were sent, none was lost or answered wrongly, and none is on its way. */
  toLoseNothing(): R;
  /** Of a load, or a window of one: requests were sent, and at most so many were lost, answered wrongly, or are on their way. */
  toLoseAtMost(requests: number): R;
}

/** What a matcher examines. */
export type Examined = ExchangeResult | WithHeaders | HeaderList | Logging | Measuring | Pausing | Losing | undefined;
