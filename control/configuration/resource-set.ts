import { hash } from "node:crypto";
import { type DescMessage, toBinary } from "@bufbuild/protobuf";
import { typeUrl } from "../envoy-api/index.ts";
import type { Cell, OwnFact, OwnFactName, Reads } from "../mesh/index.ts";
import type { Change, Resource } from "../xds/server/index.ts";
import type { Translated, XdsType } from "../xds/types/xds-type.ts";
import { AlikeUnits } from "./alike-units.ts";

export interface UnitTranslation {
  readonly resources: readonly Translated[];
  readonly reads: Reads;
}

/** Makes one unit of one type, or says of which units a type is made; what it reads is written down. */
export interface Translation {
  units(type: XdsType): { readonly units: readonly string[]; readonly reads: Reads };
  translate(type: XdsType, unit: string): UnitTranslation;
  /** A fact of the proxy itself. */
  own(name: OwnFactName): OwnFact;
  /** What the proxy has by a name, whichever set it came from. */
  held(type: XdsType, name: string): Resource | undefined;
}

/**
 * Decides whether a resource may be sent. `pending`: it is being found out, and {@link Configurations.settle} is called when it has been. `refused`: it may not; what was good before stays.
 */
export type Gate = (type: XdsType, resource: Translated) => "good" | "pending" | "refused";

/** A unit could not be translated: an error of ours, which must not keep the others. Its last good resources stay. */
export interface TranslationFailure {
  readonly type: string;
  readonly unit: string;
  readonly error: unknown;
}

interface Made {
  readonly cells: ReadonlySet<Cell>;
  readonly individual: boolean;
  readonly resources: readonly Resource[];
}

/** A unit as it was translated, to be judged again. */
interface Pending {
  readonly translated: UnitTranslation;
  /** Names of resources in whose place nothing is sent. */
  readonly missing: readonly string[];
}

interface TypeState {
  units: readonly string[];
  cells: ReadonlySet<Cell>;
  readonly made: Map<string, Made>;
  readonly individual: Set<string>;
  /** Tried again whenever something changes. */
  readonly failed: Set<string>;
  /** Units with a resource of which it is not known yet whether it may be sent. */
  readonly pending: Map<string, Pending>;
  /** Replaced, never changed: snapshots hold it. */
  resources: ReadonlyMap<string, Resource>;
}

/** What may be sent of a unit. */
interface Leaving {
  readonly resources: readonly Resource[];
  /** Whether that is all of it, and nothing else in its place. */
  readonly isWhole: boolean;
}

const NONE_LEAVES: Leaving = { resources: [], isWhole: false };

/** Resources of every type, each made again only when something was touched that it was made from. */
export class ResourceSet {
  private readonly types: readonly XdsType[];
  /** Of a proxy's own set: that of its group. */
  private readonly shared: ResourceSet | undefined;
  private readonly states = new Map<XdsType, TypeState>();
  private readonly readers = new Map<Cell, Set<string>>();
  private readonly encoder: Encoder;
  private readonly gate: Gate | undefined;
  /** Of a group's set: what its proxies' own sets have in common. */
  private readonly alike: AlikeUnits | undefined;
  /** Counts how often a unit turned out to be individual, or no more. */
  private individualChanges = 0;
  /** Of a proxy's own set: that count of its group's when it was brought up to date. */
  private upToDateWith = -1;

  /** A set for a group of proxies; or one for a single proxy, with those units that are not the same for its whole group. */
  constructor(types: readonly XdsType[], encoder: Encoder, gate?: Gate, shared?: ResourceSet) {
    this.types = types;
    this.encoder = encoder;
    this.gate = gate;
    this.shared = shared;
    this.alike = shared === undefined ? new AlikeUnits() : undefined;
  }

  /** The resources of a type; the map is never changed, later calls may give another. */
  resources(type: XdsType): ReadonlyMap<string, Resource> {
    return this.states.get(type)?.resources ?? NONE;
  }

  /** Names of resources that there will be, as far as it is known. */
  pending(type: XdsType): readonly string[] {
    const pending = this.states.get(type)?.pending;
    return pending === undefined || pending.size === 0 ? NOTHING : [...pending.values()].flatMap(({ missing }) => missing);
  }

  /** Whether it is not known of some resource yet whether it may be sent. */
  get isPending(): boolean {
    for (const { pending } of this.states.values()) if (pending.size > 0) return true;
    return false;
  }

  /** Units of a group's set that turned out to be made of one proxy alone; they are in that proxy's own set. */
  individualUnits(type: XdsType): ReadonlySet<string> {
    return this.states.get(type)?.individual ?? new Set();
  }

  /** Brings the set up to date. `touched` undefined: everything is made again. Gives the names that differ, by type. */
  refresh(translation: Translation, touched: ReadonlySet<Cell> | undefined, failures: TranslationFailure[]): readonly Change[] {
    this.alike?.clear();
    const dirty = this.dirty(touched);
    if (touched !== undefined && dirty.size === 0 && this.isUpToDate()) return UNCHANGED;
    if (this.shared !== undefined) this.upToDateWith = this.shared.individualChanges;
    const changes: Change[] = [];
    for (const type of this.types) {
      const names = this.refreshType(type, translation, touched, dirty.get(type.name) ?? new Set(), failures);
      if (names.size > 0) changes.push({ typeUrl: typeUrl(type.schema), names: [...names] });
    }
    return changes;
  }

  /** Whether a proxy's own set has the units that it should have, all of them made. */
  private isUpToDate(): boolean {
    if (this.shared === undefined || this.upToDateWith !== this.shared.individualChanges) return false;
    for (const { failed, pending } of this.states.values()) if (failed.size + pending.size > 0) return false;
    return true;
  }

  private dirty(touched: ReadonlySet<Cell> | undefined): ReadonlyMap<string, Set<string>> {
    const dirty = new Map<string, Set<string>>();
    for (const cell of touched ?? []) {
      for (const reader of this.readers.get(cell) ?? []) {
        const [name = "", ...unit] = reader.split(" ");
        const units = dirty.get(name) ?? new Set();
        dirty.set(name, units.add(unit.join(" ")));
      }
    }
    return dirty;
  }

  private refreshType(
    type: XdsType,
    translation: Translation,
    touched: ReadonlySet<Cell> | undefined,
    dirty: Set<string>,
    failures: TranslationFailure[],
  ): Set<string> {
    let state = this.states.get(type);
    if (state === undefined)
      this.states.set(
        type,
        (state = {
          units: [],
          cells: new Set(),
          made: new Map(),
          individual: new Set(),
          failed: new Set(),
          pending: new Map(),
          resources: NONE,
        }),
      );
    const listed = touched === undefined || intersects(state.cells, touched);
    const gone: string[] = [];
    if (listed || this.shared !== undefined) {
      const { units, cells } = this.list(type, translation);
      const before = new Set(state.units);
      const now = new Set(units);
      gone.push(...state.units.filter((unit) => !now.has(unit)));
      for (const unit of now) if (touched === undefined || !before.has(unit)) dirty.add(unit);
      state.units = [...now];
      state.cells = cells;
    }
    const known = new Map<string, UnitTranslation>();
    for (const [unit, { translated }] of state.pending) if (!dirty.has(unit)) known.set(unit, translated);
    for (const unit of [...state.failed, ...known.keys()]) dirty.add(unit);
    state.failed.clear();
    state.pending.clear();
    if (dirty.size === 0 && gone.length === 0) return new Set();

    const resources = new Map(state.resources);
    const names = new Set<string>();
    for (const unit of gone) this.replace(type, state, unit, undefined, resources, names);
    for (const unit of dirty) {
      if (gone.includes(unit)) continue;
      try {
        const reader = readerOf(type, unit);
        const alike = known.has(unit) ? undefined : this.shared?.alike?.find(reader, (name) => translation.own(name));
        if (alike !== undefined) {
          this.replace(type, state, unit, { ...alike, individual: false }, resources, names);
          continue;
        }
        const translated = known.get(unit) ?? translation.translate(type, unit);
        const { reads } = translated;
        const individual = this.shared === undefined && reads.individual;
        const { isWhole, resources: leaving } = individual ? NONE_LEAVES : this.leaving(type, state, unit, translated, translation);
        if (isWhole) this.shared?.alike?.keep(reader, reads, leaving);
        this.replace(type, state, unit, { cells: reads.all, individual, resources: leaving }, resources, names);
      } catch (error) {
        state.failed.add(unit);
        failures.push({ type: type.name, unit, error });
      }
    }
    if (names.size > 0) state.resources = resources;
    return names;
  }

  /** What may be sent of a unit, and of what may not, or not yet, what the proxy has, else what goes in its place. */
  private leaving(type: XdsType, state: TypeState, unit: string, translated: UnitTranslation, translation: Translation): Leaving {
    const { gate } = this;
    const { resources } = translated;
    if (gate === undefined) return { resources: resources.map((each) => this.encoder.encode(type, each)), isWhole: true };
    let isWhole = true;
    const missing: string[] = [];
    let pending = false;
    const leaving = resources.flatMap((each): readonly Resource[] => {
      const judgement = each.judged ?? (each.proofs === undefined ? "good" : gate(type, each));
      if (judgement === "good") return [this.encoder.encode(type, each)];
      isWhole = false;
      pending ||= judgement === "pending";
      const held = state.resources.get(each.name) ?? translation.held(type, each.name);
      if (held !== undefined) return [held];
      const message = judgement === "pending" ? each.meanwhile?.() : each.closed?.();
      if (message !== undefined) return [this.encoder.encode(type, { ...each, message })];
      if (judgement === "pending") missing.push(each.name);
      return [];
    });
    if (pending) state.pending.set(unit, { translated, missing });
    return { resources: leaving, isWhole };
  }

  private list(type: XdsType, translation: Translation): { readonly units: Iterable<string>; readonly cells: ReadonlySet<Cell> } {
    if (this.shared !== undefined) return { units: this.shared.individualUnits(type), cells: new Set() };
    const { units, reads } = translation.units(type);
    return { units, cells: reads.all };
  }

  private replace(
    type: XdsType,
    state: TypeState,
    unit: string,
    made: Made | undefined,
    resources: Map<string, Resource>,
    names: Set<string>,
  ): void {
    const reader = readerOf(type, unit);
    const before = state.made.get(unit);
    for (const cell of before?.cells ?? []) this.readers.get(cell)?.delete(reader);
    const now = new Map(made?.resources.map((resource) => [resource.name, resource]));
    for (const { name } of before?.resources ?? []) {
      if (now.has(name)) continue;
      resources.delete(name);
      names.add(name);
    }
    for (const [name, resource] of now) {
      const held = resources.get(name);
      if (held?.version === resource.version && held.onDemand === resource.onDemand) continue;
      resources.set(name, resource);
      names.add(name);
    }
    if (made?.individual === true ? !state.individual.has(unit) : state.individual.has(unit)) this.individualChanges += 1;
    if (made?.individual === true) state.individual.add(unit);
    else state.individual.delete(unit);
    if (made === undefined) {
      state.made.delete(unit);
      return;
    }
    state.made.set(unit, made);
    for (const cell of made.cells) {
      const readers = this.readers.get(cell);
      if (readers === undefined) this.readers.set(cell, new Set([reader]));
      else readers.add(reader);
    }
  }
}

/** Under which a unit is found, by whatever changes. */
function readerOf({ name }: XdsType, unit: string): string {
  return `${name} ${unit}`;
}

const UNCHANGED: readonly Change[] = [];
const NONE: ReadonlyMap<string, Resource> = new Map();
const NOTHING: readonly string[] = [];

function intersects(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  for (const each of small) if (large.has(each)) return true;
  return false;
}

/** Characters of a version, 6 bits each: enough that no two contents of one resource have the same by chance. A proxy is sent as many with each of its resources. */
const VERSION = 12;

/** Encodes resources; what has the same bytes as before is the same object, for whomever it was made. */
export class Encoder {
  private readonly known = new Map<string, WeakRef<Resource>>();
  private readonly gone = new FinalizationRegistry((key: string) => {
    if (this.known.get(key)?.deref() === undefined) this.known.delete(key);
  });

  encode<Desc extends DescMessage>(type: XdsType<Desc>, { name, message, onDemand = false }: Translated<Desc>): Resource {
    const value = toBinary(type.schema, message);
    const version = hash("sha256", value, "base64url").slice(0, VERSION);
    const key = `${type.name} ${name} ${version} ${onDemand}`;
    const known = this.known.get(key)?.deref();
    if (known !== undefined) return known;
    const companions = type.companions?.(name, message).map((each) => ({ typeUrl: each.typeUrl, name: each.name }));
    const resource: Resource = {
      name,
      version,
      value,
      ...(companions === undefined ? {} : { companions }),
      ...(onDemand ? { onDemand } : {}),
    };
    this.known.set(key, new WeakRef(resource));
    this.gone.register(resource, key);
    return resource;
  }
}
