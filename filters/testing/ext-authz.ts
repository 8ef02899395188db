import { readMessage, textField } from "../../harness/host/foreign/protobuf.ts";

// The messages of envoy.service.auth.v3.Authorization, as an authoriser reads and writes them.

/** `append` and `appendAction`: fields of Envoy's HeaderValueOption; absent where not given. */
export interface HeaderOption {
  readonly name: string;
  readonly value: string | Uint8Array;
  readonly append?: boolean;
  readonly appendAction?: number;
}

/** A CheckResponse; a part that is not given is absent. */
export interface CheckResponse {
  /** `status.code`; 0 is OK. */
  readonly code?: number;
  readonly denied?: { readonly status?: number; readonly headers?: readonly HeaderOption[]; readonly body?: string | Uint8Array };
  readonly ok?: {
    readonly headers?: readonly HeaderOption[];
    readonly headersToRemove?: readonly string[];
    readonly responseHeaders?: readonly HeaderOption[];
    readonly queryToSet?: ReadonlyArray<readonly [string, string]>;
    readonly queryToRemove?: readonly string[];
  };
  readonly error?: { readonly status?: number };
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  // A negative int32 takes ten bytes.
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.from([...bytes, Number(rest)]);
}

/** A field that holds a message, also an empty one. */
export function messageField(field: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
}

/** Fields in order; empty and zero ones are left out, as proto3 does. */
function writeMessage(fields: ReadonlyArray<readonly [field: number, value: boolean | number | string | Uint8Array]>): Uint8Array {
  return Buffer.concat(
    fields.flatMap(([field, value]) => {
      if (typeof value === "boolean" || typeof value === "number")
        return Number(value) === 0 ? [] : [varint(field << 3), varint(Number(value))];
      return value.length === 0 ? [] : [messageField(field, Buffer.from(value as Uint8Array))];
    }),
  );
}

function headerOption(field: number, { name, value, append, appendAction }: HeaderOption): Uint8Array {
  const header = writeMessage([
    [1, name],
    [2, value],
  ]);
  return messageField(
    field,
    messageField(1, header),
    ...(append === undefined ? [] : [messageField(2, writeMessage([[1, append]]))]),
    ...(appendAction === undefined ? [] : [writeMessage([[3, appendAction]])]),
  );
}

export function checkResponse({ code, denied, ok, error }: CheckResponse): Uint8Array {
  const parts: Uint8Array[] = [];
  if (code !== undefined) parts.push(messageField(1, writeMessage([[1, code]])));
  if (denied !== undefined) {
    parts.push(
      messageField(
        2,
        ...(denied.status === undefined ? [] : [messageField(1, writeMessage([[1, denied.status]]))]),
        ...(denied.headers ?? []).map((option) => headerOption(2, option)),
        writeMessage([[3, denied.body ?? ""]]),
      ),
    );
  }
  if (ok !== undefined) {
    parts.push(
      messageField(
        3,
        ...(ok.headers ?? []).map((option) => headerOption(2, option)),
        ...(ok.headersToRemove ?? []).map((name) => writeMessage([[5, name]])),
        ...(ok.responseHeaders ?? []).map((option) => headerOption(6, option)),
        ...(ok.queryToSet ?? []).map(([key, value]) =>
          messageField(
            7,
            writeMessage([
              [1, key],
              [2, value],
            ]),
          ),
        ),
        ...(ok.queryToRemove ?? []).map((key) => writeMessage([[8, key]])),
      ),
    );
  }
  if (error !== undefined) parts.push(messageField(5, messageField(1, writeMessage([[1, error.status ?? 0]]))));
  return Buffer.concat(parts);
}

type Fields = NonNullable<ReturnType<typeof readMessage>>;

function inner(message: Fields, ...path: readonly number[]): Fields {
  return path.reduce((fields, field) => {
    const value = fields.get(field);
    return (value instanceof Uint8Array ? readMessage(value) : undefined) ?? new Map<number, number | Uint8Array>();
  }, message);
}

/** Every value of a field that is repeated. */
function repeated(message: Uint8Array, field: number): Uint8Array[] {
  const values: Uint8Array[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const length = varint();
    if ((tag & 7) !== 2) continue;
    if (tag >>> 3 === field) values.push(message.subarray(at, at + length));
    at += length;
  }
  return values;
}

function entries(message: Uint8Array, field: number): Record<string, string> {
  return Object.fromEntries(
    repeated(message, field).map((entry) => {
      const pair = readMessage(entry) ?? new Map<number, number | Uint8Array>();
      return [textField(pair, 1), textField(pair, 2)];
    }),
  );
}

function bytesOf(message: Fields, field: number): Uint8Array {
  const value = message.get(field);
  return value instanceof Uint8Array ? value : new Uint8Array(0);
}

const numberOf = (message: Fields, field: number) => Number(message.get(field) ?? 0);

function peer(message: Fields) {
  const socket = inner(message, 1, 1);
  return {
    address: textField(socket, 2),
    port: numberOf(socket, 3),
    service: textField(message, 2),
    principal: textField(message, 4),
  };
}

/** The parts of a CheckRequest; what is not there is empty or 0. Throws where it is malformed. */
export function readCheckRequest(bytes: Uint8Array) {
  const request = readMessage(bytes);
  if (request === undefined) throw new Error("the CheckRequest is malformed");
  const attributes = inner(request, 1);
  const http = inner(attributes, 4, 2);
  const time = inner(attributes, 4, 1);
  return {
    source: peer(inner(attributes, 1)),
    destination: peer(inner(attributes, 2)),
    seconds: numberOf(time, 1),
    id: textField(http, 1),
    method: textField(http, 2),
    headers: entries(bytesOf(inner(attributes, 4), 2), 3),
    path: textField(http, 4),
    host: textField(http, 5),
    scheme: textField(http, 6),
    size: numberOf(http, 9),
    protocol: textField(http, 10),
    body: textField(http, 11),
    rawBody: Buffer.from(bytesOf(http, 12)).toString("latin1"),
    contextExtensions: entries(bytesOf(request, 1), 10),
    serverName: textField(inner(attributes, 12), 1),
  };
}
