import type { Variant } from "../index.ts";
import type { Response, TestClient } from "./client.ts";
import type { TestMesh } from "./mesh.ts";
import { CLUSTER, textResource } from "./snapshot.ts";

/** What a client keeps of one type. */
class Subscription {
  wildcard = false;
  readonly names = new Set<string>();
  /** Texts that it accepted. */
  readonly cache = new Map<string, string>();
  /** Names it asked for, with how many responses had come by then: those do not answer. */
  readonly asked: { readonly name: string; readonly after: number }[] = [];
  /** Names that were gone without a word. */
  readonly forgiven = new Set<string>();
  /** Names of which it refused something since they were last sent. */
  readonly refused = new Set<string>();
  nonce = "";
  version = "";
  begun = false;

  wants(name: string): boolean {
    return this.wildcard || this.names.has(name);
  }
}

/**
 * A client as the protocol describes it, as simple as can be: it takes or refuses a response as a whole, keeps what it is subscribed to, and complains
 * when it gets what it has and did not ask for.
 */
export class ModelClient {
  readonly unneeded: string[] = [];
  private readonly mesh: TestMesh;
  private readonly variant: Variant;
  private readonly types: ReadonlyMap<string, Subscription>;
  /** Every name that there may be. */
  private readonly all: readonly string[];
  private client: TestClient;
  private received = 0;

  constructor(mesh: TestMesh, variant: Variant, types: readonly string[], all: readonly string[]) {
    this.mesh = mesh;
    this.variant = variant;
    this.all = all;
    this.types = new Map(types.map((typeUrl) => [typeUrl, new Subscription()]));
    this.client = mesh.connect(variant);
  }

  get ended(): TestClient["ended"] {
    return this.client.ended;
  }

  cache(typeUrl: string): ReadonlyMap<string, string> {
    return this.of(typeUrl).cache;
  }

  wants(typeUrl: string, name: string): boolean {
    return this.of(typeUrl).wants(name);
  }

  read(reads: boolean): void {
    if (reads) this.client.resume();
    else this.client.reads = false;
  }

  /** It may get this again: that it was gone could not be said. */
  forgive(typeUrl: string, name: string): void {
    this.of(typeUrl).forgiven.add(name);
  }

  async subscribe(typeUrl: string, name: string): Promise<void> {
    const type = this.of(typeUrl);
    if (name === "*") type.wildcard = true;
    else type.names.add(name);
    this.ask(type, name);
    const legacy = name === "*" && !type.begun;
    await this.request(typeUrl, { resourceNamesSubscribe: legacy ? [] : [name] });
  }

  async unsubscribe(typeUrl: string, name: string): Promise<void> {
    const type = this.of(typeUrl);
    if (!type.begun || (name === "*" ? !type.wildcard : !type.names.has(name))) return;
    if (name === "*") type.wildcard = false;
    else type.names.delete(name);
    for (const kept of type.cache.keys()) if (!type.wants(kept)) type.cache.delete(kept);
    if (type.wildcard) this.ask(type, name);
    await this.request(typeUrl, { resourceNamesUnsubscribe: [name] });
  }

  /** Takes in at most so many responses. */
  async process(count = Infinity): Promise<void> {
    for (let i = 0; i < count; i++) {
      const response = this.client.inbox.shift();
      if (response === undefined) return;
      await this.take(response, ++this.received);
    }
  }

  async reconnect(): Promise<void> {
    this.client.stream.close();
    this.client = this.mesh.connect(this.variant);
    this.received = 0;
    for (const [typeUrl, type] of this.types) {
      if (!type.begun) continue;
      type.begun = false;
      type.nonce = "";
      type.asked.length = 0;
      // In the state of the world nothing but the version of everything is believed.
      if (this.variant === "sotw") this.ask(type, "*");
      const names = [...(type.wildcard && type.names.size > 0 ? ["*"] : []), ...type.names];
      if (!type.wildcard && names.length === 0) {
        // It wants nothing, which a first request cannot say.
        type.begun = false;
        continue;
      }
      const versions = [...type.cache].map(([name, text]): [string, string] => [name, textResource(name, text).version]);
      await this.request(typeUrl, { resourceNamesSubscribe: names, initialResourceVersions: Object.fromEntries(versions) });
    }
  }

  private of(typeUrl: string): Subscription {
    const type = this.types.get(typeUrl);
    if (type === undefined) throw new Error(typeUrl);
    return type;
  }

  /** `*` asks for each name that there may be. */
  private ask(type: Subscription, name: string): void {
    const after = this.received + this.client.inbox.length;
    for (const one of name === "*" ? this.all : [name]) type.asked.push({ name: one, after });
  }

  private async request(typeUrl: string, fields: object): Promise<void> {
    const type = this.of(typeUrl);
    const first = !type.begun;
    type.begun = true;
    if (this.variant === "delta") await this.client.send({ typeUrl, ...fields });
    else {
      const legacy = first && type.wildcard && type.names.size === 0;
      const resourceNames = [...(type.wildcard && !legacy && this.named(type) ? ["*"] : []), ...type.names];
      await this.client.send({ typeUrl, resourceNames, versionInfo: type.version, responseNonce: type.nonce });
    }
  }

  /** In the state of the world a list stays empty as long as it was never anything else; the model says `*` from its second request on. */
  private named(type: Subscription): boolean {
    return type.begun;
  }

  private async take(response: Response, number: number): Promise<void> {
    const { typeUrl, nonce, version } = response;
    const type = this.of(typeUrl);
    type.nonce = nonce;
    const entries = Object.entries(response.resources);
    const bad = entries.filter(([, text]) => text.includes("bad")).map(([name]) => name);
    if (bad.length > 0) {
      for (const name of [...entries.map(([other]) => other), ...response.removed]) type.refused.add(name);
      const errorDetail = { code: 3, message: "something is bad" };
      if (this.variant === "delta") await this.client.send({ typeUrl, responseNonce: nonce, errorDetail });
      else
        await this.client.send({ typeUrl, responseNonce: nonce, errorDetail, versionInfo: type.version, resourceNames: this.names(type) });
      return;
    }
    const complete = this.variant === "sotw" && typeUrl === CLUSTER;
    if (!complete) for (const [name, text] of entries) this.judge(type, name, text, number);
    if (complete) type.cache.clear();
    for (const [name, text] of entries) {
      if (type.wants(name)) type.cache.set(name, text);
      type.refused.delete(name);
    }
    for (const name of response.removed) type.cache.delete(name);
    const open = type.asked.filter(({ name, after }) => number <= after || !(name in response.resources));
    type.asked.splice(0, Infinity, ...open);
    type.version = version;
    if (this.variant === "delta") await this.client.send({ typeUrl, responseNonce: nonce });
    else await this.client.send({ typeUrl, responseNonce: nonce, versionInfo: version, resourceNames: this.names(type) });
  }

  private names(type: Subscription): string[] {
    return [...(type.wildcard ? ["*"] : []), ...type.names];
  }

  private judge(type: Subscription, name: string, text: string, number: number): void {
    if (!type.wants(name) || type.cache.get(name) !== text || type.refused.has(name) || type.forgiven.has(name)) return;
    if (type.asked.some((asked) => asked.name === name && number > asked.after)) return;
    this.unneeded.push(text);
  }
}
