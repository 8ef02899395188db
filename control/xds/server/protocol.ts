import type { NameLists } from "./name-lists.ts";
import type { Request } from "./request.ts";
import type { Resource, ResourceView, Snapshot } from "./resource.ts";
import type { Body, Contents } from "./response.ts";
import type { Watch } from "./watch.ts";

/** A response that is to be sent, not yet encoded. */
export interface Draft {
  readonly contents: Contents;
  /** State of the world: all that the response holds. Incremental: that is `contents.resources`. */
  readonly all: readonly Resource[];
  /** When the earliest change in it happened; `undefined` where it only answers a request. */
  readonly changedAt: number | undefined;
  /** It has resources that the client did not have, and did not ask for by name. */
  readonly additions: boolean;
}

/** `answers`: what the client asked for; `changes`: that, and what was added or changed; `removals`: what is gone. */
export type Stage = "answers" | "changes" | "removals";

export interface Options {
  readonly maxNames: number;
  readonly maxResponse: number;
  /** Names whose companion was sent before this type was asked for: they are sent whatever the client says it has. */
  readonly owed: ReadonlySet<string>;
  /** Lists of names that the streams of a server share. */
  readonly lists: NameLists;
  /** The time by the server's clock. */
  readonly now: number;
}

/** One of the two variants. Both are functions of a watch, a request and a snapshot: no clock of their own, no socket. */
export interface Protocol {
  /** Takes over the subscriptions of a request. `first`: of this type in this stream. */
  subscribe(watch: Watch, request: Request, first: boolean, view: ResourceView, options: Options): void;
  /** Takes the next response of a stage off the watch; `undefined` where there is none. */
  next(watch: Watch, snapshot: Snapshot, stage: Stage, options: Options): Draft | undefined;
  encode(typeUrl: string, draft: Draft, identifier: string): Body;
}
