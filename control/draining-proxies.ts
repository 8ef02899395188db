import { typeUrl } from "./envoy-api/index.ts";
import type { StreamStatus } from "./xds/server/index.ts";
import { listenerType } from "./xds/types/listener/index.ts";

interface Drain {
  /** By which the agent said it. Streams have rising numbers. */
  readonly stream: number;
  /** Whether that stream has not ended. */
  open: boolean;
}

const LISTENERS = typeUrl(listenerType.schema);

/**
 * Proxies whose agents said that they drain. Such a proxy gets no new requests while the agent's stream is there, and after that until another Envoy has come in the place of the one that drained, and has
 * accepted what it listens on and all that belongs to it: one that only connects would refuse connections.
 */
export class DrainingProxies {
  private readonly drains = new Map<string, Drain>();

  begin(proxy: string, stream: number): void {
    this.drains.set(proxy, { stream, open: true });
  }

  /** A stream has ended, maybe the one by which a drain was told. */
  streamEnded(proxy: string, stream: number): void {
    const drain = this.drains.get(proxy);
    if (drain?.stream === stream) drain.open = false;
  }

  /** Whether a proxy drained, and does so no more. @param streams of all proxies; looked at only where this one has drained */
  hasReturned(proxy: string, streams: () => readonly StreamStatus[]): boolean {
    const drain = this.drains.get(proxy);
    if (drain === undefined || drain.open) return false;
    const isBack = streams().some((each) => each.proxy === proxy && each.stream > drain.stream && serves(each));
    if (isBack) this.drains.delete(proxy);
    return isBack;
  }

  /** Nobody asks for a proxy any more. */
  forget(proxy: string): void {
    this.drains.delete(proxy);
  }
}

function serves({ types }: StreamStatus): boolean {
  return (
    types.some(({ typeUrl: type, accepted }) => type === LISTENERS && accepted !== undefined) &&
    types.every(({ state }) => state !== "STALE")
  );
}
