import { type Listed, listed } from "./name-lists.ts";
import type { Draft, Options, Protocol, Stage } from "./protocol.ts";
import type { Request } from "./request.ts";
import type { Resource, ResourceView, Snapshot } from "./resource.ts";
import { encodeDelta, encodedSize } from "./response.ts";
import type { Watch } from "./watch.ts";

/** The incremental variant (https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol#incremental-xds). */
export const delta: Protocol = {
  subscribe,
  next: (watch, snapshot, stage, options) =>
    stage === "removals" ? removals(watch, snapshot, options) : updates(watch, snapshot, stage, options),
  encode: (typeUrl, draft, identifier) => encodeDelta(typeUrl, draft.contents, identifier),
};

const NOTHING_HELD: ReadonlyMap<string, string> = new Map();

/** Subscriptions hold whatever the nonce: "the server must honor changes to the subscription state even if the nonce is stale". */
function subscribe(watch: Watch, request: Request, first: boolean, view: ResourceView, { maxNames, owed, lists }: Options): void {
  const { unsubscribe, initialVersions } = request;
  const held = first ? initialVersions : NOTHING_HELD;
  const list = first && held.size === 0 && unsubscribe.length === 0 ? lists.of(request) : undefined;
  if (list !== undefined && !list.has("*")) {
    watch.adopt(list, maxNames);
    watch.askedList = list;
    return;
  }
  const { names } = request;
  // "Legacy behavior": no name in both lists, and never one before.
  if (first && names.length === 0 && unsubscribe.length === 0 && watch.rules.wildcard) wildcard(watch, held, owed);
  for (const name of names) {
    if (name === "*" && watch.rules.wildcard) {
      wildcard(watch, held, owed);
      watch.named = true;
      continue;
    }
    const resource = view.get(name) ?? view.onDemand?.(name);
    // The name of the resource is one string for all streams; the client's own would be one for each.
    watch.subscribe(resource?.name === name ? resource.name : name, maxNames);
    if (resource === undefined && watch.rules.keeps === true && held.has(name)) continue;
    // "The server must still provide those resources": only what a reconnecting client says it has is believed.
    if (resource === undefined || held.get(name) !== resource.version || owed.has(name)) watch.asked.add(name);
  }
  for (const name of unsubscribe) {
    if (name === "*" && watch.rules.wildcard) {
      watch.wildcard = false;
      watch.whole = undefined;
    } else if (watch.unsubscribe(name)) {
      watch.unfoldAsked();
      watch.asked.delete(name);
      // The client cannot know whether `*` contains it: it is told, by the resource or by its removal.
      if (watch.wildcard) watch.asked.add(name);
    }
  }
  if (unsubscribe.length > 0) watch.forgetUnwanted();
}

function wildcard(watch: Watch, held: ReadonlyMap<string, string>, owed: ReadonlySet<string>): void {
  watch.wildcard = true;
  watch.whole = owed.size === 0 ? held : new Map([...held].filter(([name]) => !owed.has(name)));
}

function updates(watch: Watch, snapshot: Snapshot, stage: Stage, { maxResponse, now }: Options): Draft | undefined {
  if (watch.idle) return undefined;
  const view = snapshot.resources(watch.rules.typeUrl);
  const draft = new Collector(watch, view, maxResponse);
  // A list that is sent as a whole contains them.
  if (watch.whole !== undefined) for (const name of watch.retries.splice(0).flat()) watch.asked.add(name);
  for (let retry = watch.retries.shift(); retry !== undefined; retry = watch.retries.shift()) {
    for (const name of retry) {
      if (!draft.add(name)) draft.remove(name);
      watch.changed.delete(name);
      watch.asked.delete(name);
    }
    if (draft.due) return draft.finish(snapshot.version);
  }
  const whole = list(watch, view, maxResponse);
  if (whole !== undefined) {
    const { resources, missing } = whole;
    return { contents: { resources, removed: missing, version: snapshot.version }, all: resources, changedAt: undefined, additions: false };
  }
  const plain = watch.names.size === 0 && watch.asked.size === 0 && watch.changed.size === 0;
  if (watch.whole?.size === 0 && plain && everything(view).size < maxResponse) {
    // Nothing to be found out: it gets all that there is, and that list is the same for everybody.
    watch.whole = undefined;
    const { resources } = everything(view);
    return { contents: { resources, removed: NOTHING, version: snapshot.version }, all: resources, changedAt: undefined, additions: false };
  }
  if (watch.whole !== undefined) ask(watch, view, watch.whole, draft, now);
  answer(watch, draft);
  if (stage === "changes") changes(watch, view, draft);
  return draft.due ? draft.finish(snapshot.version) : undefined;
}

/** What a list names that many streams ask for, where that is all there is to answer and it fits into one response; then it is the same for all of them. */
function list(watch: Watch, view: ResourceView, maxResponse: number): Listed | undefined {
  if (watch.askedList === undefined) return undefined;
  const found = listed(watch.rules.typeUrl, watch.askedList, view);
  if (watch.whole !== undefined || watch.asked.size > 0 || found.size >= maxResponse) {
    watch.unfoldAsked();
    return undefined;
  }
  for (const name of watch.changed.keys()) if (watch.askedList.has(name)) watch.changed.delete(name);
  if (watch.changed.size === 0) watch.changedAt = undefined;
  const { size } = watch.askedList;
  watch.askedList = undefined;
  // All of it is coming.
  return size > 0 && found.resources.length + found.missing.length === 0 ? undefined : found;
}

/** Adds what was asked for, as much as a response may hold. */
function answer(watch: Watch, draft: Collector): void {
  const done: string[] = [];
  for (const name of watch.asked) {
    if (draft.full) break;
    if (!draft.add(name)) draft.remove(name);
    done.push(name);
  }
  if (watch.changed.size > 0) for (const name of done) watch.changed.delete(name);
  if (done.length === watch.asked.size) watch.asked.clear();
  else for (const name of done) watch.asked.delete(name);
}

const NOTHING: readonly string[] = [];
const EVERYTHING = new WeakMap<ResourceView, { readonly resources: readonly Resource[]; readonly size: number }>();

function everything(view: ResourceView): { readonly resources: readonly Resource[]; readonly size: number } {
  let all = EVERYTHING.get(view);
  if (all === undefined) {
    const resources = [...view.names()].flatMap((name) => view.get(name) ?? []);
    all = { resources, size: resources.reduce((size, resource) => size + encodedSize("", resource), 0) };
    EVERYTHING.set(view, all);
  }
  return all;
}

/** Turns "everything but for what the client has" into names that are asked for. */
function ask(watch: Watch, view: ResourceView, held: ReadonlyMap<string, string>, draft: Collector, now: number): void {
  watch.whole = undefined;
  for (const name of view.names()) {
    // What is sent here, or is there already, differs no more.
    watch.changed.delete(name);
    const version = held.get(name);
    if (version !== undefined && version === view.get(name)?.version) continue;
    watch.asked.add(name);
    if (held.size > 0 && version === undefined) draft.additions = true;
  }
  for (const [name, version] of held)
    if (watch.find(view, name) === undefined && !watch.stays(name, { version }, now)) watch.asked.add(name);
  // A client that has nothing waits for the first answer, be it empty; one that returns does not.
  if (held.size === 0) draft.due = true;
}

function changes(watch: Watch, view: ResourceView, draft: Collector): void {
  for (const [name, held] of watch.changed) {
    if (draft.full) return;
    const resource = watch.find(view, name);
    if (resource === undefined && held !== undefined) continue;
    watch.changed.delete(name);
    if (resource === undefined || resource.version === held?.version) continue;
    draft.add(name);
    draft.changedAt = watch.changedAt;
    if (held === undefined && !watch.names.has(name)) draft.additions = true;
  }
  if (watch.changed.size === 0) watch.changedAt = undefined;
}

/** What is left of the changes after {@link updates}: names whose resource is gone, and those that have stayed beyond that long enough. */
function removals(watch: Watch, snapshot: Snapshot, { now }: Options): Draft | undefined {
  if (watch.changed.size === 0 && !watch.leaving.isDue(now)) return undefined;
  const view = snapshot.resources(watch.rules.typeUrl);
  const draft = new Collector(watch, view, Infinity);
  for (const [name, held] of watch.changed) {
    if (watch.find(view, name) !== undefined) continue;
    watch.changed.delete(name);
    if (held !== undefined && watch.rules.keeps !== true && !watch.stays(name, held, now)) draft.remove(name);
  }
  for (const name of watch.leaving.due(now)) if (watch.wants(name)) draft.remove(name);
  draft.changedAt = watch.changedAt;
  if (watch.changed.size === 0) watch.changedAt = undefined;
  return draft.removed.length > 0 ? draft.finish(snapshot.version) : undefined;
}

/** A response as it grows. */
class Collector {
  readonly resources: Resource[] = [];
  readonly removed: string[] = [];
  changedAt: number | undefined;
  additions = false;
  /** To be sent even when empty. */
  private demanded = false;
  private size = 0;
  private readonly watch: Watch;
  private readonly view: ResourceView;
  private readonly limit: number;

  constructor(watch: Watch, view: ResourceView, limit: number) {
    this.watch = watch;
    this.view = view;
    this.limit = limit;
  }

  get due(): boolean {
    return this.demanded || this.resources.length > 0 || this.removed.length > 0;
  }

  set due(demanded: boolean) {
    this.demanded = demanded;
  }

  /** The rest goes into the next response. */
  get full(): boolean {
    return this.size >= this.limit;
  }

  add(name: string): boolean {
    const resource = this.watch.find(this.view, name);
    if (resource === undefined) return false;
    this.resources.push(resource);
    this.size += encodedSize(this.watch.rules.typeUrl, resource);
    return true;
  }

  remove(name: string): void {
    if (this.view.isComing?.(name) === true) return;
    this.removed.push(name);
    this.size += name.length;
  }

  finish(version: string): Draft {
    const { resources, removed, changedAt, additions } = this;
    return { contents: { resources, removed, version }, all: resources, changedAt, additions };
  }
}
