import type { JsonValue } from "@bufbuild/protobuf";
import {
  changedFields,
  type FieldChange,
  type MeshDifference,
  type ResourceChange,
  type ResourceChangeKind,
  type ToldProblem,
} from "../../control/diff/index.ts";
import type { Resource } from "../../control/xds/server/index.ts";
import type { XdsType } from "../../control/xds/types/index.ts";
import type { RequestsReport } from "./requests/compare.ts";

/** What `meshwright diff` prints; the text is made of it too. */
export interface DiffReport {
  readonly objects: readonly ReportedObject[];
  readonly problems: { readonly new: readonly ToldProblem[]; readonly gone: readonly ToldProblem[] };
  readonly proxies: {
    /** How many were compared. */
    readonly total: number;
    readonly changed: number;
    /** Of all responses to all of them, in the incremental variant of the protocol. */
    readonly bytes: number;
  };
  readonly groups: readonly ReportedGroup[];
  /** What becomes of recorded requests, where there are any. */
  readonly requests?: RequestsReport;
  /** What could not be compared. */
  readonly notes: readonly string[];
}

export interface ReportedObject {
  readonly change: "added" | "changed" | "removed";
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

/** Proxies that get the same. */
export interface ReportedGroup {
  readonly proxies: readonly string[];
  /** For each of them. */
  readonly bytes: number;
  readonly resources: readonly ReportedResource[];
}

export interface ReportedResource {
  readonly change: ResourceChangeKind;
  readonly type: string;
  readonly name: string;
  readonly bytes: number;
  /** Of one that has changed: the fields that differ. Of secrets none. */
  readonly fields?: readonly FieldChange[];
}

/** @param read gives a resource in proto3 JSON */
export function reportOf(
  { objects, problems, groups, snapshots }: MeshDifference,
  read: (type: XdsType, resource: Resource) => JsonValue,
  notes: readonly string[],
): DiffReport {
  const known = new Map<string, readonly FieldChange[]>();
  const fieldsOf = ({ type, name, before, after }: ResourceChange): readonly FieldChange[] | undefined => {
    if (before === undefined || after === undefined) return undefined;
    const key = `${type.name} ${name} ${before.version} ${after.version}`;
    let fields = known.get(key);
    if (fields === undefined) known.set(key, (fields = changedFields(read(type, before), read(type, after))));
    return fields;
  };
  return {
    objects: objects.map(({ change, object }) => {
      const { kind, metadata } = object;
      const { file, line } = object.place();
      return { change, kind, namespace: metadata.namespace, name: metadata.name, file, line };
    }),
    problems,
    proxies: {
      total: snapshots.size,
      changed: groups.reduce((sum, { proxies }) => sum + proxies.length, 0),
      bytes: groups.reduce((sum, { proxies, bytes }) => sum + proxies.length * bytes, 0),
    },
    groups: groups.map(({ proxies, bytes, resources }) => ({
      proxies: proxies.map(({ id }) => id).sort(),
      bytes,
      resources: resources.map((each) => {
        const fields = fieldsOf(each);
        return {
          change: each.change,
          type: each.type.name,
          name: each.name,
          bytes: each.bytes,
          ...(fields === undefined ? {} : { fields }),
        };
      }),
    })),
    notes,
  };
}

/** Whether anything differs. */
export function differs({ objects, problems, groups, requests }: DiffReport): boolean {
  return objects.length + problems.new.length + problems.gone.length + groups.length + (requests?.changed ?? 0) > 0;
}
