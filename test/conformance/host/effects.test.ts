import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { envoyBinary, envoyTarget } from "../../../harness/envoy/index.ts";
import { HostError } from "../../../harness/host/index.ts";
import { probeFilter, scriptedFilter } from "../../../harness/host/testing/scripted-filter.ts";
import { lines } from "../../../harness/host/testing/scripted-host.ts";
import { requireTarget } from "../../../harness/scenario/require-target.ts";
import type { ExchangeRequest, FilterSpec } from "../../../harness/target/index.ts";
import { effectProgram, EFFECTS, refusalOf, REFUSED, type Effect } from "./effects.ts";
import { envoyStage, hostStage, type EnvoyStage, type Seen, type Stage } from "./stage.ts";
import { EFFECT_DIFFERENCES } from "./versions.ts";

// Hostcalls that end or change a stream, one for each request: what client and upstream see, the callbacks and their order are the same.

/** Envoy ends a stream after this time that nothing goes on with. The host does so too, after half a minute that takes no time. */
const IDLE = "2s";

/** Those that end Envoy need one of their own each: all in a soak, otherwise one of each hostcall. */
const ALL = process.env["MESHWRIGHT_PROBE_CRASHES"] === "all";

interface Outcome {
  readonly seen: Seen;
  readonly callbacks: readonly string[];
}

const titleOf = ({ hostcall, what, callback }: Effect) => `${hostcall} (${what}) in ${callback}`;

/** A context that is created has no headers yet: what it does stands in the VM's configuration. */
const isConfigured = ({ callback }: Effect) => callback === "create";

async function filters(effect?: Effect): Promise<[FilterSpec, ...FilterSpec[]]> {
  const vmConfiguration = effect !== undefined && isConfigured(effect) ? effectProgram(effect).join("\n") : "";
  const probe: FilterSpec = { name: "probe", module: await probeFilter("older"), rootId: "root", vmConfiguration };
  if (effect?.behind !== true) return [probe];
  return [probe, { name: "answers", module: await scriptedFilter(), configuration: lines("request_headers: respond 418 why local -1") }];
}

function request(effect: Effect): ExchangeRequest {
  return {
    path: "/p?q=1",
    method: "POST",
    protocol: "h2",
    headers: isConfigured(effect) ? [] : [["x-probe", effectProgram(effect).join(";")]],
    body: "request body",
    trailers: [["x-t", "1"]],
    response: { headers: [["x-r", "r"]], body: "response body", trailers: [["x-t", "2"]] },
  };
}

/** The callbacks of the stream that a request began with the results in them, behind the first `from` messages. */
function callbacksOf(messages: readonly string[], from: number): string[] {
  return messages
    .slice(from)
    .filter((message) => /^@\w+ [>=<] (create|request|response|log|done|delete)/.test(message))
    .map((message) => message.replace(/^@\w+ /, ""));
}

async function play(stage: Stage, effect: Effect): Promise<Outcome> {
  const from = (await stage.messages()).length;
  const seen = await stage.send(request(effect));
  const end = Date.now() + 10_000;
  for (;;) {
    const callbacks = callbacksOf(await stage.messages(), from);
    if (callbacks.at(-1) === "< delete" || Date.now() > end) return { seen, callbacks };
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function playInHost(effect: Effect): Promise<Outcome | HostError> {
  await using stage = await hostStage(await filters(effect));
  try {
    return await play(stage, effect);
  } catch (error) {
    if (error instanceof HostError) return error;
    throw error;
  }
}

test("the host refuses what ends Envoy or breaks an answer, and nothing else", async () => {
  const refused: string[] = [];
  for (const effect of EFFECTS) {
    const outcome = await playInHost(effect);
    if (outcome instanceof HostError) refused.push(`${titleOf(effect)}: ${outcome.code}`);
  }
  expect(refused.toSorted()).toEqual(REFUSED.map((refusal) => `${titleOf({ ...refusal, tokens: [] })}: ${refusal.code}`).toSorted());
});

test("every other effect is that of Envoy", { timeout: 120_000 }, async (context) => {
  await requireTarget(envoyTarget, context);
  await using envoy = await envoyStage(await filters(), IDLE);
  const differing: Array<{ readonly title: string; readonly host: unknown; readonly envoy: unknown }> = [];
  for (const effect of EFFECTS.filter((one) => refusalOf(one) === undefined)) {
    const title = titleOf(effect);
    await using own = isConfigured(effect) ? await envoyStage(await filters(effect), IDLE) : undefined;
    const place = own ?? envoy;
    const [ours, theirs] = [await playInHost(effect), await play(place, effect)];
    if (!isDeepStrictEqual(ours, theirs)) differing.push({ title, host: ours, envoy: theirs });
    expect(place.alive(), `Envoy lives after ${title}`).toBe(true);
  }
  const version = (await envoyBinary()).version.split(".", 2).join(".");
  const recorded = EFFECT_DIFFERENCES[version] ?? [];
  const unknown = differing.filter(({ title }) => !recorded.includes(title));
  expect(unknown.map(({ title, envoy: theirs }) => ({ title, ...(theirs as Outcome) }))).toEqual(
    unknown.map(({ title, host }) => ({ title, ...(host as Outcome) })),
  );
  expect(differing.map(({ title }) => title).toSorted()).toEqual(recorded.toSorted());
});

const deadly = EFFECTS.filter((effect) => refusalOf(effect)?.ends === true);
const firstOfHostcall = deadly.filter((effect, at) => deadly.findIndex(({ hostcall }) => hostcall === effect.hostcall) === at);

test.each((ALL ? deadly : firstOfHostcall).map((effect) => [titleOf(effect), effect] as const))("%s ends Envoy", async (_title, effect) => {
  await using envoy = await envoyStage(await filters(effect), IDLE);
  await envoy.send(request(effect)).catch(() => undefined);
  await expect.poll(() => stillAlive(envoy), { timeout: 20_000 }).toBe(false);
});

/** What was broken may show at the next request only. */
async function stillAlive(envoy: EnvoyStage): Promise<boolean> {
  if (envoy.alive()) await envoy.send({ path: "/" }).catch(() => undefined);
  return envoy.alive();
}
