import { Bytes, Root, Stream } from "../sdk";
import { Chain } from "./catalogue";
import { parseConfiguration } from "./configuration";
import { MeshStream } from "./stream";

/** One configuration of a chain of filters in one context. */
@final
export class MeshRoot extends Root {
  private members: Root[] = [];

  constructor(private readonly chain: Chain) {
    super();
  }

  configure(configuration: Bytes): string | null {
    const parsed = parseConfiguration(configuration, this, this.chain);
    if (parsed.problem == null) this.members = parsed.members;
    return parsed.problem;
  }

  onQueueReady(queueId: u32): void {
    for (let i = 0; i < this.members.length; i++) this.members[i].onQueueReady(queueId);
  }

  onDelete(): void {
    for (let i = 0; i < this.members.length; i++) this.members[i].onDelete();
  }

  createStream(): Stream {
    return new MeshStream(this.members);
  }
}
