import { keysOf, type PeerChange } from "../mesh/index.ts";
import { type Peer, peerOf, type Proxy } from "../model/index.ts";

type IsKnown = (keys: readonly string[]) => boolean;

/**
 * What proxies told of themselves, for those that connect to their workloads. It counts on when a proxy's stream ends: that the control service hears nothing of a proxy is no sign that its workload takes plain
 * text. It is forgotten when another proxy comes with the address, or when no object names the address any more.
 */
export class KnownPeers {
  private readonly peers = new Map<string, Peer>();
  private readonly connected = new Set<string>();
  private readonly byKey = new Map<string, Set<string>>();
  private readonly come = new Map<string, Peer>();
  private readonly gone = new Map<Peer, true>();

  /** @returns whether there is something to {@link take} */
  connect(proxy: Proxy): boolean {
    const before = this.peers.get(proxy.id);
    const told = peerOf(proxy);
    // That it is there again does not mean that it serves.
    const peer = told !== undefined && before?.draining === true ? { ...told, draining: true } : told;
    this.connected.add(proxy.id);
    if (peer !== undefined) {
      for (const id of keysOf(peer).flatMap((key) => [...(this.byKey.get(key) ?? [])])) {
        const known = this.peers.get(id);
        if (known !== undefined && !this.connected.has(id) && takesPlaceOf(peer, known)) this.forget(id);
      }
    }
    if (JSON.stringify(before) !== JSON.stringify(peer)) {
      this.forget(proxy.id);
      if (peer !== undefined) this.learn(peer);
    }
    return this.isChanged;
  }

  /** A proxy has begun or ceased to drain. @returns whether there is something to {@link take} */
  drain(id: string, draining: boolean): boolean {
    const peer = this.peers.get(id);
    if (peer !== undefined && (peer.draining ?? false) !== draining) {
      const { draining: _, ...others } = peer;
      this.forget(id);
      this.learn(draining ? { ...others, draining } : others);
    }
    return this.isChanged;
  }

  isDraining(id: string): boolean {
    return this.peers.get(id)?.draining === true;
  }

  /** @param isKnown whether some object has one of the addresses (`namespace address`) */
  disconnect(id: string, isKnown: IsKnown): boolean {
    this.connected.delete(id);
    const peer = this.peers.get(id);
    if (peer !== undefined && !isKnown(keysOf(peer))) this.forget(id);
    return this.isChanged;
  }

  /** What an earlier process knew. */
  restore(peers: readonly Peer[]): void {
    for (const peer of peers) this.learn(peer);
  }

  /** Forgets proxies that are not connected, and whose addresses no object has any more. */
  prune(isKnown: IsKnown): boolean {
    for (const [id, peer] of this.peers) if (!this.connected.has(id) && !isKnown(keysOf(peer))) this.forget(id);
    return this.isChanged;
  }

  /** What is new since the last time. */
  take(): PeerChange {
    const change = { come: [...this.come.values()], gone: [...this.gone.keys()] };
    this.come.clear();
    this.gone.clear();
    return change;
  }

  all(): readonly Peer[] {
    return [...this.peers.values()];
  }

  private get isChanged(): boolean {
    return this.come.size + this.gone.size > 0;
  }

  private learn(peer: Peer): void {
    this.peers.set(peer.id, peer);
    this.come.set(peer.id, peer);
    for (const key of keysOf(peer)) {
      const ids = this.byKey.get(key);
      if (ids === undefined) this.byKey.set(key, new Set([peer.id]));
      else ids.add(peer.id);
    }
  }

  private forget(id: string): void {
    const peer = this.peers.get(id);
    if (peer === undefined) return;
    this.peers.delete(id);
    for (const key of keysOf(peer)) {
      const ids = this.byKey.get(key);
      ids?.delete(id);
      if (ids?.size === 0) this.byKey.delete(key);
    }
    // What nobody was told of need not be taken back.
    if (!this.come.delete(id)) this.gone.set(peer, true);
  }
}

/**
 * Whether a proxy that comes stands where another stood: at an address everything is redirected to one, while many may listen on ports of their own there, which accounts tell apart. Who has another
 * account does not have it forgotten that a workload takes mTLS: a proxy says itself which addresses it has.
 */
function takesPlaceOf(comes: Peer, known: Peer): boolean {
  if (comes.serviceAccount !== known.serviceAccount) return comes.redirected && !known.identity;
  return comes.redirected || !known.redirected;
}
