import { hash } from "node:crypto";
import { listed } from "./name-lists.ts";
import type { Draft, Options, Protocol, Stage } from "./protocol.ts";
import type { Request } from "./request.ts";
import type { Resource, ResourceView, Snapshot } from "./resource.ts";
import { encodeSotw } from "./response.ts";
import type { Watch } from "./watch.ts";

/** The state-of-the-world variant (https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol#basic-protocol-overview). */
export const sotw: Protocol = {
  subscribe,
  next: (watch, snapshot, stage, { now }) =>
    watch.rules.complete ? complete(watch, snapshot, stage, now) : partial(watch, snapshot, stage),
  encode: (typeUrl, draft, identifier) => encodeSotw(typeUrl, draft.all, draft.contents, identifier),
};

const NOTHING_HELD: ReadonlyMap<string, string> = new Map();

/** A request names everything that is subscribed to; the caller has dropped those with a stale nonce. */
function subscribe(watch: Watch, request: Request, first: boolean, view: ResourceView, { maxNames, lists }: Options): void {
  const { namesDigest } = request;
  if (namesDigest !== undefined && namesDigest === watch.namesDigest) return;
  watch.namesDigest = namesDigest;
  const list = lists.of(request);
  if (first && list !== undefined && !list.has("*") && !watch.rules.complete) {
    watch.adopt(list, maxNames);
    watch.askedList = list;
    return;
  }
  const { names, version } = request;
  if (names.length === 0 && !watch.named) {
    if (!first || !watch.rules.wildcard) return;
    watch.wildcard = true;
    // Safe "when the only subscription is a wildcard subscription": the version of a complete response is the hash of what it holds.
    if (watch.rules.complete && version !== "" && version === versionOf(members(watch, view), sharedBy(watch, view))) {
      watch.lastAccepted = { version, nonce: "", at: 0 };
    } else watch.whole = NOTHING_HELD;
    return;
  }
  const star = watch.rules.wildcard && names.includes("*");
  if (star && !watch.wildcard) watch.whole = NOTHING_HELD;
  if (!star && watch.wildcard) watch.whole = undefined;
  const wasWildcard = watch.wildcard;
  watch.wildcard = star;
  watch.named = true;
  const before = watch.names;
  const count = star ? names.length - 1 : names.length;
  if (count === before.size && names.every((name) => (star && name === "*") || before.has(name))) {
    if (wasWildcard !== star) watch.forgetUnwanted();
    return;
  }
  watch.adopt(list === undefined || star ? new Set(known(names, view)) : list, maxNames);
  watch.unfoldAsked();
  for (const name of watch.names) if (!before.has(name)) watch.asked.add(name);
  for (const name of watch.asked) if (!watch.wants(name)) watch.asked.delete(name);
  watch.forgetUnwanted();
}

/** Names but for the wildcard; those of resources are one string for all streams, where the client's own would be one for each. */
function* known(names: readonly string[], view: ResourceView): Iterable<string> {
  for (const name of names) {
    if (name === "*") continue;
    const resource = view.get(name) ?? view.onDemand?.(name);
    yield resource?.name === name ? resource.name : name;
  }
}

/** Listeners, clusters, scopes: a response holds everything, and what it does not hold is deleted. */
function complete(watch: Watch, snapshot: Snapshot, stage: Stage, now: number): Draft | undefined {
  const isOver = stage === "removals" && watch.leaving.isDue(now);
  if (watch.idle && !isOver) return undefined;
  const view = snapshot.resources(watch.rules.typeUrl);
  const answer = watch.whole !== undefined || watch.asked.size > 0;
  if (stage === "answers" && !answer) return undefined;
  const { fresh, gone, additions } = sort(watch, view);
  const changedAt = watch.changedAt;
  if (stage === "removals") {
    const removed = [...gone.filter((each) => !watch.stays(each.name, each, now)).map(({ name }) => name), ...watch.leaving.due(now)];
    watch.changed.clear();
    watch.changedAt = undefined;
    if (removed.length === 0) return undefined;
    const all = members(watch, view);
    return { contents: { resources: [], removed, version: versionOf(all, sharedBy(watch, view)) }, all, changedAt, additions: false };
  }
  const all = members(watch, view);
  if (!answer && fresh.length === 0) return undefined;
  watch.whole = undefined;
  watch.asked.clear();
  if (gone.length === 0) watch.changedAt = undefined;
  // What is gone stays until what referred to it has changed, and goes with a second response.
  const held = [...all, ...gone];
  const shared = gone.length === 0 ? sharedBy(watch, view) : undefined;
  const contents = { resources: answer ? held : fresh, removed: [], version: versionOf(held, shared) };
  return { contents, all: held, changedAt: fresh.length > 0 ? changedAt : undefined, additions: !answer && additions };
}

/** Takes the changes off the watch, but for those that are gone. */
function sort(watch: Watch, view: ResourceView) {
  const fresh: Resource[] = [];
  const gone: Resource[] = [];
  let additions = false;
  for (const [name, held] of watch.changed) {
    const resource = watch.find(view, name);
    if (resource === undefined && held !== undefined && "value" in held) {
      gone.push(held);
      continue;
    }
    watch.changed.delete(name);
    if (resource === undefined || resource.version === held?.version) continue;
    fresh.push(resource);
    additions ||= held === undefined && !watch.names.has(name);
  }
  return { fresh, gone, additions };
}

/** Other types: a response holds what is new or asked for, and nothing can be deleted. */
function partial(watch: Watch, snapshot: Snapshot, stage: Stage): Draft | undefined {
  if (stage === "removals" || watch.idle) return undefined;
  const view = snapshot.resources(watch.rules.typeUrl);
  if (watch.rules.reworded !== undefined) return single(watch, view, snapshot.version);
  const { askedList } = watch;
  if (askedList !== undefined) {
    if (watch.asked.size === 0 && watch.changed.size === 0 && watch.whole === undefined && watch.retries.length === 0) {
      watch.askedList = undefined;
      const { resources } = listed(watch.rules.typeUrl, askedList, view);
      return { contents: { resources, removed: [], version: snapshot.version }, all: resources, changedAt: undefined, additions: false };
    }
    watch.unfoldAsked();
  }
  const resources = new Map<string, Resource>();
  const add = (name: string) => {
    const resource = watch.find(view, name);
    if (resource !== undefined) resources.set(name, resource);
  };
  const retry = watch.retries.shift();
  if (retry !== undefined) {
    for (const name of retry) add(name);
    for (const name of resources.keys()) {
      watch.changed.delete(name);
      watch.asked.delete(name);
    }
    return resources.size === 0 ? partial(watch, snapshot, stage) : draft(resources, snapshot.version, undefined, false);
  }
  // Without an answer a client waits 15 s for a name that does not exist; an empty one is "effectively a no-op", and Envoy goes on with warming.
  const answer = watch.whole !== undefined || watch.asked.size > 0;
  for (const name of watch.asked) add(name);
  if (watch.whole !== undefined) for (const name of view.names()) add(name);
  watch.whole = undefined;
  watch.asked.clear();
  for (const name of resources.keys()) watch.changed.delete(name);
  let changedAt: number | undefined;
  let additions = false;
  if (stage === "changes") {
    const sorted = sort(watch, view);
    for (const resource of sorted.fresh) resources.set(resource.name, resource);
    if (sorted.fresh.length > 0) changedAt = watch.changedAt;
    additions = sorted.additions;
    for (const { name } of sorted.gone) watch.refused.delete(name);
    watch.changed.clear();
  }
  if (watch.changed.size === 0) watch.changedAt = undefined;
  return answer || resources.size > 0 ? draft(resources, snapshot.version, changedAt, additions) : undefined;
}

/** Each in a response of its own. */
function single(watch: Watch, view: ResourceView, version: string): Draft | undefined {
  watch.unfoldAsked();
  const isAsked = watch.asked.size > 0;
  for (const name of watch.asked) {
    const resource = watch.find(view, name);
    watch.asked.delete(name);
    watch.changed.delete(name);
    if (resource !== undefined) return draft(new Map([[name, resource]]), version, undefined, false);
  }
  for (const [name, held] of watch.changed) {
    const { changedAt } = watch;
    const resource = watch.find(view, name);
    watch.changed.delete(name);
    if (watch.changed.size === 0) watch.changedAt = undefined;
    if (resource === undefined) watch.refused.delete(name);
    else if (resource.version !== held?.version) return draft(new Map([[name, resource]]), version, changedAt, false);
  }
  return isAsked ? draft(new Map(), version, undefined, false) : undefined;
}

function draft(resources: ReadonlyMap<string, Resource>, version: string, changedAt: number | undefined, additions: boolean): Draft {
  const all = [...resources.values()];
  return { contents: { resources: all, removed: [], version }, all, changedAt, additions };
}

/** All that a watch is subscribed to and that exists, and what stays beyond that. */
function members(watch: Watch, view: ResourceView): Resource[] {
  const all = new Map<string, Resource>();
  if (watch.wildcard) {
    for (const name of view.names()) {
      const resource = view.get(name);
      if (resource !== undefined) all.set(name, resource);
    }
  }
  for (const name of watch.names) {
    const resource = watch.find(view, name);
    if (resource !== undefined) all.set(name, resource);
  }
  for (const held of watch.leaving.held()) if ("value" in held && !all.has(held.name)) all.set(held.name, held);
  return [...all.values()];
}

function sharedBy(watch: Watch, view: ResourceView): ResourceView | undefined {
  return watch.wildcard && watch.names.size === 0 && watch.leaving.size === 0 ? view : undefined;
}

const VERSIONS = new WeakMap<ResourceView, string>();

/**
 * A hash of names and versions, whatever their order: the same after a restart of the service as before.
 *
 * @param shared the view, where `resources` are all that it has
 */
function versionOf(resources: readonly Resource[], shared: ResourceView | undefined): string {
  const known = shared === undefined ? undefined : VERSIONS.get(shared);
  if (known !== undefined) return known;
  const lines = resources.map(({ name, version }) => `${name}\0${version}`).sort();
  const version = hash("sha256", lines.join("\n"), "hex").slice(0, 16);
  if (shared !== undefined) VERSIONS.set(shared, version);
  return version;
}
