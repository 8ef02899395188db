import type { Case, CaseFilter, Place } from "../step.ts";
import { OK } from "./common.ts";

const STAGES = [
  "request_headers",
  "request_body",
  "request_trailers",
  "response_headers",
  "response_body",
  "response_trailers",
  "log",
  "done",
  "delete",
];
const POLICIES = ["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"] as const;
/** Milliseconds: what a VM has to have lived before it is loaded anew, and a time that is longer than that in any case. */
const BACK_OFF = 100;
const LONGER = 160;

/** A whole exchange with a body and trailers both ways, as far as it comes. */
async function exchange({ request }: Place, script: string): Promise<void> {
  const stream = await request(script, { end: false });
  await stream.send("one");
  await stream.trailers([["x-t", "1"]]);
  await stream.answer(OK, false);
  await stream.answerData("three");
  await stream.answerTrailers([["x-t", "2"]]);
}

/** Until the policy may load a VM anew. */
async function longer({ pass }: Place, policy: (typeof POLICIES)[number]): Promise<void> {
  if (policy === "FAIL_RELOAD") await pass(LONGER);
}

/** Streams that live when the VM dies: one that waits in the filter, one that waits for its upstream, one that is being answered. */
async function withLiveStreams(place: Place, script: string): Promise<void> {
  const paused = await place.request("request_body: return 1", { end: false });
  await paused.send("one");
  const waiting = await place.request("");
  const answered = await place.request("");
  await answered.answer(OK, false);
  await answered.answerData("three");
  await exchange(place, script);
  await paused.send("two");
  await paused.finish();
  await waiting.answer(OK, false);
  await waiting.answerData("three");
  await waiting.answerEnd();
  await answered.answerData("four");
  await answered.answerEnd();
}

/** Own VMs for each case: a number in their configuration that no other has. */
function filtersOf(failurePolicy: (typeof POLICIES)[number], name: string, more: CaseFilter = {}): readonly CaseFilter[] {
  return [{ failurePolicy, vmConfiguration: name, reloadBaseInterval: BACK_OFF, ...more }];
}

const SCRIPT = "trace: on\nlog: prop response.code\nlog: prop response.code_details";

export const traps: readonly Case[] = [
  ...POLICIES.flatMap((policy) => [
    ...STAGES.map((stage): Case => ({
      title: `${policy}: a trap in ${stage}, and what follows`,
      filters: filtersOf(policy, stage),
      play: async (place) => {
        await exchange(place, `${stage}: trap`);
        await exchange(place, "");
        await longer(place, policy);
        await exchange(place, "");
        await exchange(place, `${stage}: trap`);
        await exchange(place, "");
        await longer(place, policy);
        await exchange(place, "");
      },
    })),
    {
      title: `${policy}: streams that live when another traps`,
      filters: filtersOf(policy, "live"),
      play: (place: Place) => withLiveStreams(place, "request_headers: trap"),
    },
    {
      title: `${policy}: a VM that has not lived for long`,
      filters: filtersOf(policy, "young", { reloadBaseInterval: 3_600_000 * 24 }),
      play: async (place: Place) => {
        await exchange(place, "request_headers: trap");
        await exchange(place, "");
      },
    },
    {
      title: `${policy}: a trap when a context is created`,
      filters: filtersOf(policy, "create", { script: `${SCRIPT}\ncreate: trap` }),
      play: async (place: Place) => {
        await exchange(place, "");
        await exchange(place, "");
      },
    },
    {
      title: `${policy}: a trap in a tick`,
      filters: filtersOf(policy, "tick"),
      play: async (place: Place) => {
        const stream = await place.request("");
        await place.together(async () => {
          await place.request("request_headers: tick 10;tick: trap");
          await place.pass(60);
        });
        await stream.answer();
        await exchange(place, "");
        await longer(place, policy);
        await exchange(place, "");
      },
    },
    ...(["http_call_response", "grpc_close", "grpc_receive"] as const).map((callback): Case => ({
      title: `${policy}: a trap in ${callback}`,
      filters: filtersOf(policy, callback),
      play: async (place) => {
        const path = callback === "grpc_receive" ? "grpc" : "denied";
        const call =
          callback === "http_call_response" ? "call callout 1000 :path /ok :method GET :authority callout" : `grpc callout s ${path} asked`;
        await place.request(`request_headers: ${call};request_headers: return 1;${callback}: trap`);
        await exchange(place, "");
        await longer(place, policy);
        await exchange(place, "");
      },
    })),
    {
      title: `${policy}: another plugin of the VM`,
      filters: [
        { failurePolicy: policy, vmId: `shared-${policy}`, reloadBaseInterval: BACK_OFF },
        {
          failurePolicy: "FAIL_OPEN",
          vmId: `shared-${policy}`,
          reloadBaseInterval: BACK_OFF,
          script: `${SCRIPT}\nresponse_headers: add 2 x-second 1`,
        },
      ],
      play: async (place: Place) => {
        await exchange(place, "request_headers: trap");
        await exchange(place, "");
        await longer(place, policy);
        await exchange(place, "");
      },
    } satisfies Case,
    {
      title: `${policy}: another plugin in a VM of its own`,
      filters: [
        { failurePolicy: policy, reloadBaseInterval: BACK_OFF },
        { failurePolicy: policy, reloadBaseInterval: BACK_OFF, script: "trace: on\nresponse_body: trap" },
      ],
      play: async (place: Place) => {
        await exchange(place, "");
        await exchange(place, "");
      },
    } satisfies Case,
  ]),
];
