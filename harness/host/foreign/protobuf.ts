/** A field of a protobuf message: a number for varints, bytes for length-delimited ones. */
export type FieldValue = number | Uint8Array;

/** Reads a message into its fields, the last value of each number; `undefined` where it is malformed. Fixed-width fields are skipped. */
export function readMessage(bytes: Uint8Array): Map<number, FieldValue> | undefined {
  const fields = new Map<number, FieldValue>();
  let at = 0;
  const varint = (): number | undefined => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === undefined || tag >>> 3 === 0) return undefined;
    const wireType = tag & 7;
    if (wireType === 0) {
      const value = varint();
      if (value === undefined) return undefined;
      fields.set(tag >>> 3, value);
    } else if (wireType === 2) {
      const length = varint();
      if (length === undefined || at + length > bytes.length) return undefined;
      fields.set(tag >>> 3, bytes.subarray(at, at + length));
      at += length;
    } else if (wireType === 1 || wireType === 5) {
      at += wireType === 1 ? 8 : 4;
      if (at > bytes.length) return undefined;
    } else {
      return undefined;
    }
  }
  return fields;
}

/** Writes fields in order; empty and zero ones are left out, as proto3 does. */
export function writeMessage(fields: ReadonlyArray<readonly [field: number, value: boolean | number | string | Uint8Array]>): Uint8Array {
  const bytes: number[] = [];
  for (const [field, value] of fields) {
    if (typeof value === "boolean" || typeof value === "number") {
      if (Number(value) === 0) continue;
      bytes.push(...varintBytes(field << 3), ...varintBytes(Number(value)));
    } else {
      const content = typeof value === "string" ? Buffer.from(value) : value;
      if (content.length === 0) continue;
      bytes.push(...varintBytes((field << 3) | 2), ...varintBytes(content.length), ...content);
    }
  }
  return Uint8Array.from(bytes);
}

function varintBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}

/** A length-delimited field, empty where it is absent or of another type. */
export function bytesField(fields: ReadonlyMap<number, FieldValue>, field: number): Uint8Array {
  const value = fields.get(field);
  return value instanceof Uint8Array ? value : new Uint8Array(0);
}

export function textField(fields: ReadonlyMap<number, FieldValue>, field: number): string {
  return Buffer.from(bytesField(fields, field)).toString("utf8");
}

export function numberField(fields: ReadonlyMap<number, FieldValue>, field: number): number {
  const value = fields.get(field);
  return typeof value === "number" ? value : 0;
}
