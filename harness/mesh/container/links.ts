import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import type { LinkCounts } from "../../faults/index.ts";
import { checkFaults, type LinkFaults } from "../../faults/link-faults.ts";
import type { ControlService } from "../control.ts";
import { type LinkedPlaces, Links, type MeshLink } from "../links.ts";
import { MeshError } from "../mesh-error.ts";
import { decodeCounts, type KeptLinks, type SetFaults } from "./pod.ts";

/** Links in the networks of those who call. */
export class ContainerLinks extends Links {
  private readonly kept: ReadonlyMap<string, KeptLinks>;
  private readonly made = new Map<string, ContainerLink>();
  private readonly service: ControlService;

  /** @param kept by caller; each leads to the ends in their order */
  constructor(places: LinkedPlaces, kept: ReadonlyMap<string, KeptLinks>, service: ControlService) {
    super(places);
    this.kept = kept;
    this.service = service;
  }

  control(): string {
    return this.service.xds;
  }

  protected link(from: string, to: string): MeshLink {
    const key = `${from} ${to}`;
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const link = new ContainerLink(key, this.kept.get(from) as KeptLinks, this.ends.indexOf(to));
    this.made.set(key, link);
    return link;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const link of this.made.values()) link.end();
  }
}

/** A link that the keeper of its caller's network has. */
class ContainerLink implements MeshLink {
  private readonly name: string;
  private readonly kept: KeptLinks;
  private readonly index: number;
  private current: LinkFaults = {};
  private last: LinkCounts | undefined;

  constructor(name: string, kept: KeptLinks, index: number) {
    this.name = name;
    this.kept = kept;
    this.index = index;
  }

  get faults(): LinkFaults {
    return this.current;
  }

  get counts(): LinkCounts {
    return this.last ?? decodeCounts(readFileSync(this.kept.counts), this.index);
  }

  async set(faults: LinkFaults): Promise<void> {
    checkFaults(faults);
    this.current = { ...faults };
    const socket = connect({ path: this.kept.socket, allowHalfOpen: true });
    try {
      await once(socket, "connect");
      const request: SetFaults = { link: this.index, faults };
      socket.end(JSON.stringify(request));
      const problem = await text(socket);
      if (problem !== "") throw new Error(problem);
    } catch (cause) {
      throw new MeshError("exited", `the link ${this.name} cannot be changed: ${String(cause)}`, [], { cause });
    }
  }

  heal(): Promise<void> {
    return this.set({});
  }

  /** Its counts stay when its file goes. */
  end(): void {
    this.last ??= this.counts;
  }
}
