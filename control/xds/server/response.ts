import type { Resource } from "./resource.ts";
import { fieldSize, writeFieldHead, writeText } from "./wire.ts";

/** Field numbers of `envoy.service.discovery.v3.DeltaDiscoveryResponse`, `DiscoveryResponse`, `Resource` and `google.protobuf.Any`. */
const DELTA = { version: 1, resources: 2, typeUrl: 4, nonce: 5, removed: 6, controlPlane: 7 };
const SOTW = { version: 1, resources: 2, typeUrl: 4, nonce: 5, controlPlane: 6 };
const RESOURCE = { version: 1, value: 2, name: 3 };
const ANY = { typeUrl: 1, value: 2 };
const CONTROL_PLANE = { identifier: 1 };

/**
 * A response but for its nonce. A protobuf message may have its fields in any order, so the nonce stands before it or behind it, for each stream its own, and the rest is the
 * same bytes for all.
 */
export interface Body {
  readonly bytes: Buffer;
  readonly contents: Contents;
}

/** What a response is about; kept until the client answers it, when its bytes are long gone. */
export interface Contents {
  /** In the state of the world: those that are new or changed. */
  readonly resources: readonly Resource[];
  /** Incremental only. */
  readonly removed: readonly string[];
  readonly version: string;
}

/** The nonce as the field that makes a {@link Body} a response, the same number in both variants. */
export function nonceField(nonce: string): Buffer {
  const field = Buffer.allocUnsafe(fieldSize(nonce.length));
  writeText(field, 0, DELTA.nonce, nonce, nonce.length);
  return field;
}

/** Encodes a `DeltaDiscoveryResponse` without its nonce. */
export function encodeDelta(typeUrl: string, contents: Contents, identifier: string): Body {
  const { resources, removed, version } = contents;
  const parts = resources.map((resource) => {
    const name = Buffer.byteLength(resource.name);
    const label = Buffer.byteLength(resource.version);
    const any = anySize(typeUrl, resource);
    return { resource, name, label, any, size: fieldSize(label) + fieldSize(any) + fieldSize(name) };
  });
  const names = removed.map((name) => Buffer.byteLength(name));
  let size = commonSize(typeUrl, version, identifier);
  for (const part of parts) size += fieldSize(part.size);
  for (const length of names) size += fieldSize(length);
  const bytes = Buffer.allocUnsafe(size);
  let at = writeCommon(bytes, DELTA, typeUrl, version, identifier);
  for (const { resource, name, label, any, size } of parts) {
    at = writeFieldHead(bytes, at, DELTA.resources, size);
    at = writeText(bytes, at, RESOURCE.name, resource.name, name);
    at = writeText(bytes, at, RESOURCE.version, resource.version, label);
    at = writeAny(bytes, writeFieldHead(bytes, at, RESOURCE.value, any), typeUrl, resource);
  }
  for (const [i, name] of removed.entries()) at = writeText(bytes, at, DELTA.removed, name, names[i] ?? 0);
  return { bytes, contents };
}

/** Encodes a `DiscoveryResponse` without its nonce. `all` is what it holds; `contents` says what of it is new. */
export function encodeSotw(typeUrl: string, all: readonly Resource[], contents: Contents, identifier: string): Body {
  let size = commonSize(typeUrl, contents.version, identifier);
  for (const resource of all) size += fieldSize(anySize(typeUrl, resource));
  const bytes = Buffer.allocUnsafe(size);
  let at = writeCommon(bytes, SOTW, typeUrl, contents.version, identifier);
  for (const resource of all) {
    at = writeAny(bytes, writeFieldHead(bytes, at, SOTW.resources, anySize(typeUrl, resource)), typeUrl, resource);
  }
  return { bytes, contents };
}

/** About how many bytes a resource takes in a response. */
export function encodedSize(typeUrl: string, resource: Resource): number {
  return resource.value.length + typeUrl.length + resource.name.length + resource.version.length + 20;
}

function anySize(typeUrl: string, { value }: Resource): number {
  return fieldSize(typeUrl.length) + fieldSize(value.length);
}

function writeAny(bytes: Buffer, at: number, typeUrl: string, { value }: Resource): number {
  const start = writeFieldHead(bytes, writeText(bytes, at, ANY.typeUrl, typeUrl, typeUrl.length), ANY.value, value.length);
  bytes.set(value, start);
  return start + value.length;
}

function commonSize(typeUrl: string, version: string, identifier: string): number {
  const plane = identifier === "" ? 0 : fieldSize(fieldSize(Buffer.byteLength(identifier)));
  return fieldSize(typeUrl.length) + fieldSize(Buffer.byteLength(version)) + plane;
}

function writeCommon(bytes: Buffer, fields: typeof DELTA | typeof SOTW, typeUrl: string, version: string, identifier: string): number {
  let at = writeText(bytes, 0, fields.version, version, Buffer.byteLength(version));
  at = writeText(bytes, at, fields.typeUrl, typeUrl, typeUrl.length);
  if (identifier === "") return at;
  const length = Buffer.byteLength(identifier);
  at = writeFieldHead(bytes, at, fields.controlPlane, fieldSize(length));
  return writeText(bytes, at, CONTROL_PLANE.identifier, identifier, length);
}
