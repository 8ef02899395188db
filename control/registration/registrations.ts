import { type Proxy, GROUP_KEY, type Registration, type Source, type SourceChange } from "../model/index.ts";
import { MemorySource } from "../sources/memory/index.ts";
import { entryName, entryOf, type Group } from "./entry.ts";

export interface RegistrationsOptions {
  /** Those of before a restart. Default: none. */
  readonly kept?: readonly Registration[];
  /** Hears that those which are there are others. Default: nobody. */
  readonly keep?: (registrations: () => readonly Registration[]) => void;
  readonly log?: { readonly info: Line; readonly warn: Line; readonly error: Line };
  /** Milliseconds that an entry stays when its proxy is gone, which may come back: 10,000 (Istio's `PILOT_WORKLOAD_ENTRY_GRACE_PERIOD`). */
  readonly grace?: number;
  /** The same after a restart of this service, to which proxies return one by one: 60,000. */
  readonly graceAfterRestart?: number;
}

type Line = (fields: Readonly<Record<string, unknown>>, message: string) => void;

interface Member {
  registration: Registration;
  /** Ids of the connected proxies. */
  readonly connected: Set<string>;
  timer: NodeJS.Timeout | undefined;
  /** What was last said of it. */
  told: string;
}

/**
 * A source whose objects are the WorkloadEntries of proxies that registered (`AUTO_REGISTER_GROUP`): with the template of their group, while they are connected and a little longer. Only a proxy that runs under the service account
 * of the group gets one; who connects over TLS has proved that account.
 */
export class Registrations implements Source {
  readonly name = "proxies that register";
  private readonly options: RegistrationsOptions;
  private readonly source: MemorySource;
  private readonly members = new Map<string, Member>();
  private groups: ReadonlyMap<string, Group> = new Map();
  private readonly dirty = new Set<string>();
  private flushing: NodeJS.Immediate | undefined;

  constructor(options: RegistrationsOptions = {}) {
    this.options = options;
    const { kept = [], graceAfterRestart = 60_000 } = options;
    for (const registration of kept) this.end(this.member(registration), graceAfterRestart);
    this.source = new MemorySource(
      Object.fromEntries(kept.flatMap((each) => (each.entry === undefined ? [] : [[fileOf(each), each.entry]]))),
      this.name,
    );
  }

  start(changed: (change: SourceChange) => void): Promise<void> {
    return this.source.start(changed);
  }

  refresh(): Promise<void> {
    this.flush();
    return Promise.resolve();
  }

  /** Takes the groups of the mesh as they are now. */
  takeGroups(groups: readonly Group[]): void {
    this.groups = new Map(groups.map((group) => [`${group.metadata.namespace}/${group.metadata.name}`, group]));
    for (const key of this.members.keys()) this.touch(key);
  }

  /** A proxy connected. */
  connect(proxy: Proxy): void {
    const registration = registrationOf(proxy);
    if (registration === undefined) return;
    const known = this.members.get(keyOf(registration));
    const member = this.member({ ...registration, healthy: known?.registration.healthy, entry: known?.registration.entry });
    clearTimeout(member.timer);
    member.connected.add(proxy.id);
    this.touch(keyOf(registration));
  }

  /** Its last stream is gone. */
  disconnect(id: string): void {
    for (const member of this.members.values())
      if (member.connected.delete(id) && member.connected.size === 0) this.end(member, this.options.grace ?? 10_000);
  }

  /** What the agent of a proxy says of its workload. @param problem what is wrong; undefined: it is healthy */
  report(id: string, problem: string | undefined): void {
    for (const [key, member] of this.members) {
      if (!member.connected.has(id)) continue;
      const healthy = problem === undefined;
      if (member.registration.healthy !== healthy)
        this.options.log?.info({ proxy: id, reason: problem }, healthy ? "a workload is healthy" : "a workload is not healthy");
      member.registration = { ...member.registration, healthy };
      this.touch(key);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearImmediate(this.flushing);
    for (const { timer } of this.members.values()) clearTimeout(timer);
    await this.source[Symbol.asyncDispose]();
  }

  private member(registration: Registration): Member {
    const key = keyOf(registration);
    let member = this.members.get(key);
    if (member === undefined) this.members.set(key, (member = { registration, connected: new Set(), timer: undefined, told: "" }));
    else member.registration = registration;
    return member;
  }

  private end(member: Member, grace: number): void {
    clearTimeout(member.timer);
    member.timer = setTimeout(() => {
      const key = keyOf(member.registration);
      this.members.delete(key);
      this.options.log?.info({ proxy: member.registration.id, entry: key }, "a registered workload is gone");
      this.source.apply({ [fileOf(member.registration)]: undefined });
      this.keep();
    }, grace);
    member.timer.unref();
  }

  /** All that changes within one turn of the event loop is one change of the mesh. */
  private touch(key: string): void {
    this.dirty.add(key);
    this.flushing ??= setImmediate(() => this.flush());
  }

  private flush(): void {
    clearImmediate(this.flushing);
    this.flushing = undefined;
    const files: Record<string, string | undefined> = {};
    for (const key of this.dirty) {
      const member = this.members.get(key);
      if (member === undefined) continue;
      const entry = this.entry(member);
      member.registration = { ...member.registration, entry };
      files[fileOf(member.registration)] = entry;
    }
    this.dirty.clear();
    if (Object.keys(files).length === 0) return;
    this.source.apply(files);
    this.keep();
  }

  /** Undefined where it may have none. */
  private entry(member: Member): string | undefined {
    const { registration } = member;
    const { id, namespace, group: name, serviceAccount } = registration;
    const group = this.groups.get(`${namespace}/${name}`);
    if (group === undefined) {
      this.tell(member, "warn", `there is no WorkloadGroup ${name} in namespace ${namespace}`, { proxy: id });
      return undefined;
    }
    const account = group.spec.template.serviceAccount ?? "default";
    if (account !== serviceAccount) {
      const message = `may not register with WorkloadGroup ${name}: that wants the service account ${account}, and this proxy has ${serviceAccount}`;
      this.tell(member, "error", message, { proxy: id });
      return undefined;
    }
    this.tell(member, "info", `registered with WorkloadGroup ${name}`, { proxy: id, entry: entryName(registration) });
    return entryOf(registration, group);
  }

  private tell(member: Member, level: "info" | "warn" | "error", message: string, fields: Readonly<Record<string, unknown>>): void {
    if (member.told === message) return;
    member.told = message;
    this.options.log?.[level](fields, message);
  }

  private keep(): void {
    this.options.keep?.(() => Array.from(this.members.values(), ({ registration }) => registration));
  }
}

function registrationOf(proxy: Proxy): Registration | undefined {
  const { id, namespace, serviceAccount, labels, network, locality, addresses, identity, metadata } = proxy;
  const group = metadata[GROUP_KEY];
  const [address] = addresses;
  if (typeof group !== "string" || group === "" || address === undefined) return undefined;
  return { id, namespace, group, serviceAccount, address, labels, network, locality, identity, healthy: undefined, entry: undefined };
}

function keyOf(registration: Registration): string {
  return `${registration.namespace}/${entryName(registration)}`;
}

/** As messages name it. */
function fileOf(registration: Registration): string {
  return `registered/${keyOf(registration)}`;
}
