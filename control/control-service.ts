import { attends, DRAINING, HEALTH, OF_AGENTS, sameProxy } from "./agents.ts";
import { Admission, type AdmissionMode, type Answer, type ChangeSet, type RefusedSet } from "./admission/index.ts";
import { Configurations, KnownPeers, type Outcome } from "./configuration/index.ts";
import { apart, type ConnectedAs, connectedAs, proxyOf, refusingPeers } from "./connecting-proxies.ts";
import type { ControlServiceOptions } from "./control-service-options.ts";
import { Convergence } from "./convergence.ts";
import { countBy } from "./count-by.ts";
import { DrainingProxies } from "./draining-proxies.ts";
import { typeUrl } from "./envoy-api/index.ts";
import { KINDS } from "./kinds/index.ts";
import { defaultMeshSettings } from "./kinds/mesh-config/index.ts";
import { Mesh } from "./mesh/index.ts";
import { HostHealthService } from "./host-health.ts";
import { LimitedLines } from "./limited-lines.ts";
import { MeshIssuers } from "./openid/index.ts";
import { ControlMetrics } from "./metrics/index.ts";
import { ModuleStore } from "./modules/index.ts";
import { Registrations } from "./registration/index.ts";
import { workloadGroup, type WorkloadGroupSpec } from "./kinds/workload-group/index.ts";
import { Kinds, type ObjectChange, ObjectStore } from "./model/objects/index.ts";
import { type MeshHealthState, type MeshObject, objectKey, type Problem, type Proxy } from "./model/index.ts";
import type { Source, SourceChange } from "./model/source.ts";
import { Proofs, refusalOf, refusalTogether } from "./gate/index.ts";
import { Prover } from "./proof/index.ts";
import { PatchProblems } from "./patch-problems.ts";
import type { ClientConnection } from "./proxy-authorizer.ts";
import {
  type ConnectRequest,
  type ProxyConnection,
  type ProxyGroup,
  type Report,
  type StreamStatus,
  SYSTEM_CLOCK,
  XdsServer,
} from "./xds/server/index.ts";
import { Spaced } from "./spaced.ts";
import { XDS_TYPES } from "./xds/types/index.ts";

export type { ControlServiceOptions } from "./control-service-options.ts";

/** The type whose resources hold filters, and what modules are told. */
const FILTERS = "filter";

interface Connected {
  readonly proxy: Proxy;
  readonly group: ProxyGroup;
  streams: number;
}

/**
 * Objects in, configuration of proxies out: sources are read into objects, objects make the mesh, the mesh makes the configuration of every proxy, and what differs is pushed.
 * Transports and the admin interface stand around it.
 */
export class ControlService implements AsyncDisposable {
  readonly xds: XdsServer;
  readonly metrics: ControlMetrics;
  private readonly options: ControlServiceOptions;
  private readonly prover: Prover;
  private readonly proofs: Proofs;
  private readonly admission: Admission;
  private readonly configurations: Configurations;
  private readonly connected = new Map<string, Connected>();
  private readonly convergence: Convergence;
  private readonly peers = new KnownPeers();
  private readonly draining = new DrainingProxies();
  private readonly modules: ModuleStore;
  private readonly issuers: MeshIssuers;
  private readonly registrations: Registrations;
  private readonly refusals = new LimitedLines((...line) => this.log?.warn(...line), "more clients may not be the proxies that they say");
  private readonly strangers = new LimitedLines((...line) => this.log?.info(...line), "more clients left before they were known");
  private hostHealth: HostHealthService | undefined;
  private readonly peersToTell = new Spaced(() => this.tellOfPeers());
  private readonly patches = new PatchProblems(this, (problems) => this.tell(problems));

  private constructor(options: ControlServiceOptions) {
    this.options = options;
    const types = options.types ?? XDS_TYPES;
    this.prover = new Prover({ onProof: ({ good }, seconds) => this.metrics.proved(good, seconds) });
    this.proofs = new Proofs({
      prover: this.prover,
      types: types.filter(({ name }) => name === FILTERS),
      settled: () => this.announce(this.configurations.settle(), SYSTEM_CLOCK.now()),
      confirmed: (objects) => this.admission.store.confirm(objects),
      refused: (object, reason) => this.admission.refuse(object, refusalOf(object, reason)),
      refusedTogether: (refusal, newest) => {
        this.log?.error({ ...refusal }, "refused by the module of a filter, and not sent; what proxies have stays");
        const problems = newest.map((object) => refusalTogether(object, refusal.resource, refusal.reason));
        this.admission.blame(problems);
        this.tell(problems);
      },
      changing: () => this.admission.blame([]),
    });
    this.configurations = new Configurations(types, Mesh.empty(KINDS, defaultMeshSettings), this.proofs.gate);
    const { state, log } = options;
    this.registrations = new Registrations({
      ...(log === undefined ? {} : { log }),
      ...(state === undefined ? {} : { kept: state.registrations.read(), keep: (all) => state.registrations.keep(all) }),
    });
    this.modules = new ModuleStore({
      ...(options.moduleFolder === undefined ? {} : { folder: options.moduleFolder }),
      changed: (states) => this.announce(this.configurations.applyModules(states), SYSTEM_CLOCK.now()),
      warn: (fields, message) => this.log?.warn(fields, message),
    });
    this.issuers = new MeshIssuers(
      () => this.mesh,
      options,
      (said) => this.announce(this.configurations.applyIssuers(said), SYSTEM_CLOCK.now()),
    );
    this.admission = new Admission({
      mode: options.admission ?? "warn",
      kinds: KINDS,
      store: new ObjectStore(new Kinds(KINDS)),
      mesh: () => this.mesh,
      prove: async (mesh, objects) => {
        const reasons = await this.proofs.verdicts(mesh, objects);
        const alone = Array.from(reasons, ([object, reason]) => refusalOf(object, reason));
        // With one that is refused by itself, all that it stands in are.
        if (alone.length > 0) return alone;
        const together = await this.proofs.together(mesh, objects, this.mesh);
        return together.map(({ object, resource, reason }) => refusalTogether(object, resource, reason));
      },
      apply: (change, changedAt) => this.take(change, changedAt),
      refused: ({ source, problems }) => {
        this.log?.error({ source, errors: problems.length }, "a change is not applied: it would break what follows");
        this.tell(problems);
      },
      now: () => SYSTEM_CLOCK.now(),
    });
    this.metrics = new ControlMetrics({
      proxies: () => this.connected.size,
      services: () => this.mesh.services().length,
      virtualServices: () => this.mesh.objects("VirtualService").length,
      objects: () => countBy(this.mesh.allObjects(), ({ kind }) => kind),
      problems: () => countBy(this.problems(), ({ level }) => level),
      markedHosts: () => countBy([...this.mesh.index.health.marks.values()].flat(), ({ share }) => (share === 0 ? "out" : "returning")),
    });
    this.convergence = new Convergence((milliseconds) => this.metrics.converged(milliseconds / 1000));
    const { observer } = this.metrics;
    this.xds = new XdsServer({
      identifier: "meshwright",
      types: [...types.map(({ schema, rules }) => ({ typeUrl: typeUrl(schema), ...rules })), HEALTH, DRAINING],
      onConnect: (request) => this.connect(request),
      onReport: (report) => this.hear(report),
      observer: {
        ...observer,
        connected: (status) => this.log?.info({ proxy: status.proxy, peer: status.peer, variant: status.variant }, "proxy connected"),
        refused: (event) => {
          observer.refused?.(event);
          const { proxy, typeUrl: type, reason, resources } = event;
          this.log?.error({ proxy, type, resources, reason }, "proxy refused configuration");
        },
        settled: ({ proxy }) => {
          this.convergence.answered(proxy, SYSTEM_CLOCK.now());
          this.lookForReturn(proxy);
        },
        disconnected: (event) => {
          observer.disconnected?.(event);
          this.disconnect(event.proxy);
          this.draining.streamEnded(event.proxy, event.stream);
          this.lookForReturn(event.proxy);
          const reason = event.error?.message;
          if (event.proxy === "") this.strangers.add({ reason }, "a client left before it was known");
          else this.log?.info({ proxy: event.proxy, reason }, "proxy disconnected");
        },
      },
    });
  }

  /** Reads every source to the end; nothing can be asked of a service that knows a part only. */
  static async start(options: ControlServiceOptions): Promise<ControlService> {
    const service = new ControlService(options);
    try {
      await service.readSources();
      service.watchHosts();
    } catch (error) {
      await service[Symbol.asyncDispose]();
      throw error;
    }
    return service;
  }

  /** What was good before a restart counts where the sources are broken now: it goes first, and all of the sources' first changes after it, as one. */
  private async readSources(): Promise<void> {
    const { state } = this.options;
    const sources = [...this.options.sources, this.registrations];
    const first = new Map<string, SourceChange>();
    let reading = true;
    for (const source of sources) {
      await source.start((change) => {
        if (reading && !first.has(source.name)) first.set(source.name, change);
        else this.admission.take(change, source.name);
      });
    }
    reading = false;
    this.peers.restore(state?.peers.read() ?? []);
    this.configurations.applyPeers(this.peers.take());
    this.issuers.restore();
    await this.admission.begin(state?.read() ?? [], first, new Map<string, Source>(sources.map((source) => [source.name, source])));
    await this.issuers.asked();
  }

  private watchHosts(): void {
    const { meshHealth, state, log } = this.options;
    if (meshHealth === undefined) return;
    const apply = (health: MeshHealthState) => this.announce(this.configurations.applyHealth(health), SYSTEM_CLOCK.now());
    const decided = (decision: string) => this.metrics.healthDecided(decision);
    this.hostHealth = new HostHealthService({ ...meshHealth, log, mesh: () => this.mesh, apply, decided, kept: state?.health });
  }

  /** Mesh-wide health; undefined where it is off. */
  get health(): HostHealthService | undefined {
    return this.hostHealth;
  }

  /** See {@link connectedAs}. */
  connectedAs(nodeId: string, client: ClientConnection): Promise<ConnectedAs | undefined> {
    return connectedAs((id) => this.connected.get(id)?.proxy, this.connected.keys(), nodeId, client, this.options.authorize);
  }

  private get log() {
    return this.options.log;
  }

  get mesh(): Mesh {
    return this.configurations.mesh;
  }

  /** Reads the sources to the end: what was written before the call is in the mesh, and on its way to proxies, when it resolves. */
  async refresh(): Promise<void> {
    for (const source of [...this.options.sources, this.registrations]) await source.refresh();
    await this.admission.idle();
    await this.modules.settled();
    await this.proofs.idle();
  }

  /** Takes a change that somebody waits for, whole or not at all. */
  submit(set: ChangeSet): Promise<Answer> {
    return this.admission.submit(set);
  }

  /** How changes are taken, and those that do not count until they are mended. */
  admissionStatus(): { readonly mode: AdmissionMode; readonly refused: readonly RefusedSet[] } {
    return { mode: this.admission.mode, refused: this.admission.refused() };
  }

  /** The objects that count, by `objectKey`. */
  get objects(): ReadonlyMap<string, MeshObject> {
    return this.admission.store.objects;
  }

  /** Has the workloads of the mesh trust these certificates from now on, PEM, one text each: who gives them to proxies hears of it at once, and says when they have them (`roots` of their status). */
  trust(roots: readonly string[]): void {
    const { changed, failures } = this.configurations.applyRoots(roots);
    // Not every proxy has somebody beside it who asks: their answers are no measure of convergence.
    for (const { proxy, snapshot, changes } of changed) this.connected.get(proxy.id)?.group.push(snapshot, changes);
    this.report(failures);
  }

  /** Every problem of the objects, each by itself and with the others. */
  problems(): readonly Problem[] {
    return [...this.admission.problems(), ...this.patches.all()];
  }

  /** The status of every stream. */
  status(): readonly StreamStatus[] {
    return this.xds.status();
  }

  /** Proxies that are connected. */
  proxies(): readonly Proxy[] {
    return Array.from(this.connected.values(), ({ proxy }) => proxy);
  }

  /** What a proxy gets; undefined where it is not connected. */
  snapshotOf(proxy: string) {
    return this.configurations.snapshotOf(proxy);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.xds.end();
    this.peersToTell[Symbol.dispose]();
    this.patches[Symbol.dispose]();
    this.hostHealth?.[Symbol.dispose]();
    for (const source of [...this.options.sources, this.registrations]) await source[Symbol.asyncDispose]();
    this.issuers[Symbol.dispose]();
    await this.modules[Symbol.asyncDispose]();
    await this.prover[Symbol.asyncDispose]();
    await this.options.state?.[Symbol.asyncDispose]();
  }

  private take({ upserted, removed, problems }: ObjectChange, changedAt: number): void {
    this.changed(upserted, removed, changedAt);
    this.tell([...problems.values()].flat());
  }

  private changed(upserted: readonly MeshObject[], removed: readonly MeshObject[], changedAt: number): void {
    if (upserted.length + removed.length === 0) return;
    const before = performance.now();
    this.proofs.expect(upserted, removed);
    const { changed, failures } = this.configurations.apply({ upserted, removed: removed.map(objectKey) });
    for (const { proxy, snapshot, changes } of changed) this.connected.get(proxy.id)?.group.push(snapshot, changes, changedAt);
    const ids = changed.map(({ proxy }) => proxy.id);
    this.convergence.changed(changedAt, ids);
    const milliseconds = performance.now() - before;
    this.metrics.changed(milliseconds / 1000, upserted.length + removed.length);
    this.report(failures);
    this.options.state?.keep(() => this.objects.values());
    if ([...upserted, ...removed].some(({ kind }) => kind === workloadGroup.kind))
      this.registrations.takeGroups(this.mesh.objects(workloadGroup.kind) as readonly MeshObject<WorkloadGroupSpec>[]);
    this.modules.want(this.mesh.plugins().flatMap(({ module }) => (module === undefined ? [] : [module])));
    this.issuers.follow([...upserted, ...removed]);
    this.proofs.check(this.mesh, upserted);
    const counts = {
      changed: upserted.length,
      removed: removed.length,
      proxies: ids.length,
      milliseconds: Math.round(milliseconds * 10) / 10,
    };
    this.log?.info(counts, "configuration changed");
    const { mesh } = this;
    if (this.peers.prune((keys) => mesh.hasEndpointAt(keys))) this.peersToTell.ask();
  }

  private hear({ proxy, stream, typeUrl, problem }: Report): Promise<void> | undefined {
    if (typeUrl !== DRAINING.typeUrl) return void this.registrations.report(proxy, problem);
    this.log?.info({ proxy }, "proxy drains");
    const isNew = this.peers.drain(proxy, true);
    // At a gateway no endpoint ends.
    if (this.peers.isDraining(proxy)) this.draining.begin(proxy, stream);
    return new Promise((heard) => (isNew ? this.tellOfPeers(heard) : heard()));
  }

  /** One that drained gets requests again when it serves again. */
  private lookForReturn(proxy: string): void {
    if (this.draining.hasReturned(proxy, () => this.status()) && this.peers.drain(proxy, false)) this.peersToTell.ask();
  }

  /** Tells clients what proxies told of themselves. @param over called when they have answered */
  private tellOfPeers(over?: () => void): void {
    const changedAt = SYSTEM_CLOCK.now();
    const change = this.peers.take();
    this.options.state?.peers.keep(() => this.peers.all());
    for (const { id } of change.gone) if (!this.peers.isDraining(id)) this.draining.forget(id);
    this.announce(this.configurations.applyPeers(change), changedAt, over);
    for (const { id, mode } of refusingPeers(this.mesh, change.come))
      this.log?.error({ proxy: id }, `takes ${mode} alone and has no identity: it refuses every connection`);
  }

  /** Sends what is another now. @param over called when all who get something of it have answered */
  private announce({ changed, failures }: Outcome, changedAt: number, over?: () => void): void {
    const waiting: string[] = [];
    for (const { proxy, snapshot, changes } of changed) {
      const group = this.connected.get(proxy.id)?.group;
      group?.push(snapshot, changes, changedAt);
      // What it never asked for is not sent, and has no answer.
      if (group?.settled === false) waiting.push(proxy.id);
    }
    this.convergence.changed(changedAt, waiting, over);
    this.report(failures);
  }

  private tell(problems: readonly Problem[]): void {
    for (const { file, line, column, level, code, message } of problems) {
      const place = { file, line, column, code };
      if (level === "error") this.log?.error(place, message);
      else if (level === "warning") this.log?.warn(place, message);
    }
  }

  private connect(request: ConnectRequest): ProxyConnection | Promise<ProxyConnection> {
    const proxy = proxyOf(request, this.options.onDemand ?? false);
    const { authorize } = this.options;
    if (authorize === undefined) return this.join(proxy, request.typeUrl);
    return authorize(proxy, request).then(
      (authorization) => ({ ...authorization, ...this.join(proxy, request.typeUrl) }),
      (error: unknown) => {
        this.refusals.add({ proxy: proxy.id, peer: request.peer, reason: (error as Error).message }, "a client may not be this proxy");
        throw error;
      },
    );
  }

  private join(claimed: Proxy, typeUrl: string): ProxyConnection {
    const proxy = apart(claimed, this.connected.get(claimed.id)?.proxy);
    const { id } = proxy;
    const known = this.connected.get(id);
    if (known !== undefined && (sameProxy(known.proxy, proxy) || (OF_AGENTS.has(typeUrl) && attends(known.proxy, proxy)))) {
      known.streams += 1;
      return { id, group: known.group };
    }
    const { snapshot, failures } = this.configurations.add(proxy);
    this.report(failures);
    const group = this.xds.group(snapshot);
    // Who connects under the same name with other labels is the same workload after a restart; the streams that are left get what it gets now.
    known?.group.replace(group);
    this.connected.set(id, { proxy, group, streams: (known?.streams ?? 0) + 1 });
    this.registrations.connect(proxy);
    if (this.peers.connect(proxy)) this.peersToTell.ask();
    return { id, group };
  }

  private disconnect(id: string): void {
    const known = this.connected.get(id);
    if (known === undefined) return;
    known.streams -= 1;
    if (known.streams > 0) return;
    this.connected.delete(id);
    this.registrations.disconnect(id);
    this.hostHealth?.health.forget(id);
    if (this.peers.disconnect(id, (keys) => this.mesh.hasEndpointAt(keys))) this.peersToTell.ask();
    this.configurations.remove(id);
    this.convergence.answered(id, SYSTEM_CLOCK.now());
  }

  private report(failures: readonly { readonly type: string; readonly unit: string; readonly error: unknown }[]): void {
    this.patches.ask();
    for (const { type, unit, error } of failures) {
      this.metrics.translationFailed(type);
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.log?.error({ type, unit, reason }, "could not translate; what was good before stays");
    }
  }
}
