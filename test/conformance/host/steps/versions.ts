import type { ConnectionView, RequestView, Sight } from "./step.ts";

/** Something that cases show otherwise in a version of Envoy; all else in them is compared. */
export interface StepDifference {
  readonly versions: readonly string[];
  readonly what: string;
  readonly there: string;
  /** In the newest, and in the host. */
  readonly here: string;
  /** Each as `SUBJECT: TITLE`. One that no longer differs fails its test: the list may only shrink. */
  readonly cases: readonly string[];
  /** What is alike on both sides. */
  readonly alike: (sight: Sight) => Sight;
}

const BODIES = "bodies and their limits";
const LATE = "callouts and timers of streams that are gone";
const LOCAL = "local responses and closed streams";
const TRAPS = "traps and failure policies";

const each = (subject: string, ...titles: readonly string[]) => titles.map((title) => `${subject}: ${title}`);

/** A stream that was cut off looks whole. */
function uncut(view: RequestView | ConnectionView): RequestView | ConnectionView {
  if ("server" in view) return view;
  const { client, upstream } = view;
  return {
    ...(client !== undefined && { client: client.progress === "reset" ? { ...client, progress: "whole" } : client }),
    ...(upstream !== undefined && { upstream: upstream.progress === "open" ? { ...upstream, progress: "whole" } : upstream }),
  };
}

const replaced = (sight: Sight, from: string, to: string) => JSON.parse(JSON.stringify(sight).replaceAll(from, to)) as Sight;

export const STEP_DIFFERENCES: readonly StepDifference[] = [
  {
    versions: ["1.36"],
    what: "a stream of HTTP/2 that Envoy resets",
    there: "NO_ERROR, which a client or an upstream may take for the end",
    here: "an error",
    alike: (sight) => ({ ...sight, streams: sight.streams.map(uncut) }),
    cases: [
      ...each(
        BODIES,
        ...["StopIterationAndBuffer", "StopIterationAndWatermark", "StopIterationNoBuffer", "an unknown action"].map(
          (name) => `${name} at the end`,
        ),
        ...["the upstream answers before the request ends", "a response over the limit that is buffered becomes a 500"],
        "a response over the limit that is buffered behind headers that went out is cut off",
      ),
      ...each(
        LOCAL,
        ...["HTTP/2", "gRPC"].flatMap((protocol) =>
          ["response_body", "response_body_end", "response_trailers"].flatMap((stage) => [
            `over ${protocol} in ${stage}`,
            `over ${protocol} in ${stage}, bare`,
          ]),
        ),
        ...["in response_body", "in response_body_end", "from another's callback"].map((place) => `a stream that is closed ${place}`),
        "to a stream whose response is under way, from another's callback",
      ),
      ...each(
        TRAPS,
        ...["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"].flatMap((policy) => [
          `${policy}: a trap in response_body, and what follows`,
          `${policy}: a trap in response_trailers, and what follows`,
          `${policy}: streams that live when another traps`,
          `${policy}: another plugin in a VM of its own`,
        ]),
      ),
    ],
  },
  {
    versions: ["1.36", "1.37"],
    what: "`proxy_on_http_call_response` where nobody listens",
    there: "a body that ends with `transport failure reason: delayed connect error: Connection refused`",
    here: "no such words",
    alike: (sight) =>
      replaced(
        replaced(sight, ", transport failure reason: delayed connect error: Connection refused", ""),
        "> http_call_response 167 ",
        "> http_call_response 98 ",
      ),
    cases: [
      ...each("callouts and their failures", "HTTP: a port at which nobody listens"),
      ...each(LATE, ...["log", "done", "delete"].map((stage) => `an HTTP call to nobody in ${stage}`)),
    ],
  },
  {
    versions: ["1.36", "1.37", "1.38"],
    what: "a body that was buffered (StopIterationAndBuffer) and goes on by `proxy_continue_stream`",
    there: "its next piece waits for the one behind it, or for the end",
    here: "its next piece goes on",
    alike: (sight) => replaced(sight, '"onetwo"', '"one"'),
    cases: each(BODIES, "StopIterationAndBuffer, resumed by a tick", "StopIterationAndBuffer in a response, resumed by a tick"),
  },
];
