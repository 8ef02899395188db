import { Status } from "./abi/enums.ts";

interface Queue {
  readonly items: Uint8Array[];
  /** Tells the root context that registered last; every event goes to it alone. */
  notify: (token: number) => void;
}

/** Shared queues, by `vm_id` and name, in the whole process. */
export class SharedQueues {
  private readonly tokens = new Map<string, number>();
  private readonly queues = new Map<number, Queue>();
  private lastToken = 0;

  register(vmId: string, name: string, notify: (token: number) => void): number {
    const key = `${vmId}\0${name}`;
    let token = this.tokens.get(key);
    if (token === undefined) {
      token = ++this.lastToken;
      this.tokens.set(key, token);
      this.queues.set(token, { items: [], notify });
    } else {
      const queue = this.queues.get(token);
      if (queue !== undefined) queue.notify = notify;
    }
    return token;
  }

  /** 0 where there is no such queue. */
  resolve(vmId: string, name: string): number {
    return this.tokens.get(`${vmId}\0${name}`) ?? 0;
  }

  enqueue(token: number, value: Uint8Array): number {
    const queue = this.queues.get(token);
    if (queue === undefined) return Status.NotFound;
    queue.items.push(value);
    queue.notify(token);
    return Status.Ok;
  }

  /** The oldest item, or the status that says why there is none. */
  dequeue(token: number): Uint8Array | number {
    const queue = this.queues.get(token);
    if (queue === undefined) return Status.NotFound;
    return queue.items.shift() ?? Status.Empty;
  }

  deleteVmId(vmId: string): void {
    for (const [key, token] of this.tokens) {
      if (!key.startsWith(`${vmId}\0`)) continue;
      this.tokens.delete(key);
      this.queues.delete(token);
    }
  }
}
