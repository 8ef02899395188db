import { hash } from "node:crypto";
import { XdsError } from "./error.ts";
import { WireReader } from "./wire.ts";

/** State of the world or incremental (https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol#variants-of-the-xds-transport-protocol). */
export type Variant = "sotw" | "delta";

/** Why a client refused a response: `google.rpc.Status`. */
export interface ErrorDetail {
  readonly code: number;
  readonly message: string;
}

/** What the server reads of a request; both variants in one form. */
export interface Request {
  /** Empty where the client relies on the service's type. */
  readonly typeUrl: string;
  /** Empty in a request that answers nothing. */
  readonly nonce: string;
  /** Present if and only if this is a NACK; versions are never compared for that. */
  readonly error: ErrorDetail | undefined;
  /** The encoded `envoy.config.core.v3.Node`; only guaranteed in the first request of a stream. */
  readonly node: Buffer | undefined;
  /** State of the world: all names; incremental: the ones to subscribe to. */
  readonly names: readonly string[];
  /** The same for the same names, and cheaper than reading them; `undefined` where it would not be. */
  readonly namesDigest: string | undefined;
  /** Incremental only. */
  readonly unsubscribe: readonly string[];
  /** Incremental: what the client has from an earlier stream, version by name. */
  readonly initialVersions: ReadonlyMap<string, string>;
  /** State of the world: the version of the type that the client accepted last, also on an earlier stream. */
  readonly version: string;
}

/** Names of listeners carry addresses, those of secrets paths, `xdstp:` names parameters. */
const NAME_LIMIT = 8192;
const TYPE_LIMIT = 1024;
/** Nonces are ours and short; a client that sends a longer one answers nothing of ours. */
const NONCE_LIMIT = 1024;
/** Envoy joins the errors of all resources of a response. */
const REASON_LIMIT = 8192;

const NO_NAMES: readonly string[] = [];
const NO_VERSIONS: ReadonlyMap<string, string> = new Map();

/** Field numbers of `envoy.service.discovery.v3.DiscoveryRequest` and `DeltaDiscoveryRequest`. */
const SOTW = { name: "DiscoveryRequest", version: 1, node: 2, names: 3, typeUrl: 4, nonce: 5, error: 6, locators: [7] };
const DELTA = {
  name: "DeltaDiscoveryRequest",
  node: 1,
  typeUrl: 2,
  names: 3,
  unsubscribe: 4,
  initial: 5,
  nonce: 6,
  error: 7,
  locators: [8, 9],
};

/** Reads a `DiscoveryRequest` or `DeltaDiscoveryRequest`. Throws {@link XdsError} `INVALID_ARGUMENT` for garbage. */
export function readRequest(variant: Variant, bytes: Buffer): Request {
  return variant === "delta" ? readDelta(bytes) : readSotw(bytes);
}

function readSotw(bytes: Buffer): Request {
  const reader = new WireReader(bytes, SOTW.name);
  let version = "";
  let node: Buffer | undefined;
  let typeUrl = "";
  let nonce = "";
  let error: ErrorDetail | undefined;
  const names = new NameList(bytes);
  for (let at = 0; reader.next(); at = reader.offset) {
    if (reader.field === SOTW.names) {
      reader.pass();
      names.extend(at, reader.offset);
    } else if (reader.field === SOTW.version) version = reader.text(NAME_LIMIT);
    else if (reader.field === SOTW.node) node = reader.view();
    else if (reader.field === SOTW.typeUrl) typeUrl = reader.string(TYPE_LIMIT);
    else if (reader.field === SOTW.nonce) nonce = reader.string(NONCE_LIMIT);
    else if (reader.field === SOTW.error) error = readError(reader.message());
    else if (SOTW.locators.includes(reader.field)) throw locators();
    else reader.skip();
  }
  return {
    typeUrl,
    nonce,
    error,
    node,
    get names() {
      return names.decoded;
    },
    get namesDigest() {
      return names.digest;
    },
    unsubscribe: NO_NAMES,
    initialVersions: NO_VERSIONS,
    version,
  };
}

/** A shorter list is decoded faster than a digest is made. Bytes. */
const DIGEST_FROM = 512;

/**
 * The names of a request. In the state of the world they come with every ACK and are the same almost always, and many proxies ask for the same: they are decoded
 * where they differ from what is known, which a digest of their bytes tells.
 */
class NameList {
  private readonly bytes: Buffer;
  private start = 0;
  private end = 0;
  private isOneBlock = true;
  private list: readonly string[] | undefined;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Adds a field, tag and all. */
  extend(start: number, end: number): void {
    if (this.end === 0) this.start = start;
    else if (this.end !== start) this.isOneBlock = false;
    this.end = end;
  }

  get digest(): string | undefined {
    if (!this.isOneBlock || this.end - this.start < DIGEST_FROM) return undefined;
    return hash("sha256", this.bytes.subarray(this.start, this.end), "base64");
  }

  get decoded(): readonly string[] {
    if (this.list !== undefined) return this.list;
    if (this.end === 0) return (this.list = NO_NAMES);
    const names: string[] = [];
    const reader = new WireReader(this.bytes, SOTW.name, this.start, this.end);
    while (reader.next()) {
      if (reader.field === SOTW.names) names.push(readName(reader));
      else reader.skip();
    }
    return (this.list = names);
  }
}

function readDelta(bytes: Buffer): Request {
  const reader = new WireReader(bytes, DELTA.name);
  let node: Buffer | undefined;
  const names = new NameList(bytes);
  let unsubscribe: string[] | undefined;
  let initial: Map<string, string> | undefined;
  let typeUrl = "";
  let nonce = "";
  let error: ErrorDetail | undefined;
  for (let at = 0; reader.next(); at = reader.offset) {
    if (reader.field === DELTA.names) {
      reader.pass();
      names.extend(at, reader.offset);
    } else if (reader.field === DELTA.node) node = reader.view();
    else if (reader.field === DELTA.typeUrl) typeUrl = reader.string(TYPE_LIMIT);
    else if (reader.field === DELTA.unsubscribe) (unsubscribe ??= []).push(readName(reader));
    else if (reader.field === DELTA.initial) readVersion(reader.message(), (initial ??= new Map<string, string>()));
    else if (reader.field === DELTA.nonce) nonce = reader.string(NONCE_LIMIT);
    else if (reader.field === DELTA.error) error = readError(reader.message());
    else if (DELTA.locators.includes(reader.field)) throw locators();
    else reader.skip();
  }
  return {
    typeUrl,
    nonce,
    error,
    node,
    get names() {
      return names.decoded;
    },
    get namesDigest() {
      return names.digest;
    },
    unsubscribe: unsubscribe ?? NO_NAMES,
    initialVersions: initial ?? NO_VERSIONS,
    version: "",
  };
}

function readName(reader: WireReader): string {
  const name = reader.string(NAME_LIMIT);
  if (name === "") throw new XdsError("INVALID_ARGUMENT", "a resource name is empty");
  return name;
}

/** An entry of a map: key 1, value 2. */
function readVersion(reader: WireReader, versions: Map<string, string>): void {
  let name = "";
  let version = "";
  while (reader.next()) {
    if (reader.field === 1) name = reader.string(NAME_LIMIT);
    else if (reader.field === 2) version = reader.string(NAME_LIMIT);
    else reader.skip();
  }
  versions.set(name, version);
}

/** `google.rpc.Status`: code 1, message 2. */
function readError(reader: WireReader): ErrorDetail {
  let code = 0;
  let message = "";
  while (reader.next()) {
    if (reader.field === 1) code = reader.number();
    else if (reader.field === 2) message = reader.text(REASON_LIMIT);
    else reader.skip();
  }
  return { code, message };
}

function locators(): XdsError {
  return new XdsError("INVALID_ARGUMENT", "resource locators (xdstp) are not supported: subscribe by name");
}
