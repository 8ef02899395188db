import { SocketAddress } from "../lib/cidr";
import { ProtobufWriter } from "../lib/protobuf";
import { toUtf8 } from "../lib/utf8";
import { arena, Bytes, HeaderMap, Property, Text } from "../sdk";
import { CheckBody } from "./check-body";
import { digits, FALSE, PARTIAL_BODY, TRUE } from "./http-check";
import { Limits } from "./limits";
import { AddedHeader, Provider } from "./provider";
import { RequestView } from "./request";

// Field numbers of envoy.service.auth.v3.CheckRequest and of what it holds.

const ATTRIBUTES: u32 = 1;
namespace AttributeContext {
  export const SOURCE: u32 = 1;
  export const DESTINATION: u32 = 2;
  export const REQUEST: u32 = 4;
  export const CONTEXT_EXTENSIONS: u32 = 10;
  export const TLS_SESSION: u32 = 12;
}
namespace Peer {
  export const ADDRESS: u32 = 1;
  export const SERVICE: u32 = 2;
  export const PRINCIPAL: u32 = 4;
}
/** Of `Address` and of the `SocketAddress` in it. */
const SOCKET_ADDRESS: u32 = 1;
const ADDRESS: u32 = 2;
const PORT_VALUE: u32 = 3;
namespace Request {
  export const TIME: u32 = 1;
  export const HTTP: u32 = 2;
}
const SECONDS: u32 = 1;
const NANOS: u32 = 2;
namespace HttpRequest {
  export const ID: u32 = 1;
  export const METHOD: u32 = 2;
  export const HEADERS: u32 = 3;
  export const PATH: u32 = 4;
  export const HOST: u32 = 5;
  export const SCHEME: u32 = 6;
  export const SIZE: u32 = 9;
  export const PROTOCOL: u32 = 10;
  export const BODY: u32 = 11;
  export const RAW_BODY: u32 = 12;
}
const SNI: u32 = 1;
/** Of an entry of a map. */
const KEY: u32 = 1;
const VALUE: u32 = 2;

const NANOSECONDS: u64 = 1_000_000_000;
const INITIAL_CAPACITY: usize = 4096;

const METHOD = Text.of(":method");
const PATH = Text.of(":path");
const AUTHORITY = Text.of(":authority");
const SCHEME = Text.of(":scheme");
const REQUEST_ID = Bytes.of("x-request-id");
const DOWNSTREAM_CLUSTER = Bytes.of("x-envoy-downstream-service-cluster");
const COMMA = Bytes.of(",");

const requestTime = Property.named("request.time");
const requestProtocol = Property.named("request.protocol");
const destinationAddress = Property.named("destination.address");
const peerDnsName = Property.named("connection.dns_san_peer_certificate");
const peerSubject = Property.named("connection.subject_peer_certificate");
const localUri = Property.named("connection.uri_san_local_certificate");
const localDnsName = Property.named("connection.dns_san_local_certificate");
const localSubject = Property.named("connection.subject_local_certificate");

/**
 * Writes the `CheckRequest` that Envoy's `ext_authz` would send, from its end to its start. Null for more headers than {@link Limits.CHECK_HEADERS}.
 * `body`: null where the authoriser gets none.
 */
export function checkRequest(provider: Provider, request: RequestView, streamId: u32, body: CheckBody | null): Bytes | null {
  const headers = request.headers;
  if (headers.size > Limits.CHECK_HEADERS) return null;
  const writer = ProtobufWriter.create(INITIAL_CAPACITY);
  writeServerName(writer, request.serverName);
  writeContextExtensions(writer, provider.contextExtensions);
  const end = writer.size;
  writeHttp(writer, headers, streamId, body);
  writeTime(writer);
  writer.message(AttributeContext.REQUEST, end);
  writePeer(writer, AttributeContext.DESTINATION, destinationAddress.get(), firstOf(localUri.get(), localDnsName, localSubject), null);
  const service = headers.get(DOWNSTREAM_CLUSTER);
  writePeer(writer, AttributeContext.SOURCE, request.sourceText, firstOf(request.principal, peerDnsName, peerSubject), service);
  writer.message(ATTRIBUTES, 0);
  return writer.written;
}

function writeServerName(writer: ProtobufWriter, serverName: Bytes): void {
  if (serverName.length == 0) return;
  const end = writer.size;
  writer.bytes(SNI, toUtf8(serverName));
  writer.message(AttributeContext.TLS_SESSION, end);
}

function writeContextExtensions(writer: ProtobufWriter, extensions: AddedHeader[]): void {
  for (let i = extensions.length - 1; i >= 0; i--) {
    const end = writer.size;
    writer.bytes(VALUE, extensions[i].value.bytes);
    writer.bytes(KEY, extensions[i].name.bytes);
    writer.message(AttributeContext.CONTEXT_EXTENSIONS, end);
  }
}

function writeHttp(writer: ProtobufWriter, headers: HeaderMap, streamId: u32, body: CheckBody | null): void {
  const end = writer.size;
  if (body != null) writer.bytes(body.isRaw ? HttpRequest.RAW_BODY : HttpRequest.BODY, body.isRaw ? body.bytes : toUtf8(body.bytes));
  writer.bytes(HttpRequest.PROTOCOL, requestProtocol.get());
  if (body != null) writer.varint(HttpRequest.SIZE, body.size);
  writeHeader(writer, HttpRequest.SCHEME, headers, SCHEME);
  writeHeader(writer, HttpRequest.HOST, headers, AUTHORITY);
  writeHeader(writer, HttpRequest.PATH, headers, PATH);
  if (body != null) writeEntry(writer, PARTIAL_BODY, body.isPartial ? TRUE : FALSE);
  writeHeaders(writer, headers);
  writeHeader(writer, HttpRequest.METHOD, headers, METHOD);
  const id = headers.get(REQUEST_ID);
  writer.bytes(HttpRequest.ID, id != null ? toUtf8(id) : digits(streamId));
  writer.message(Request.HTTP, end);
}

function writeHeader(writer: ProtobufWriter, field: u32, headers: HeaderMap, name: Text): void {
  const value = headers.get(name.bytes);
  if (value != null) writer.bytes(field, toUtf8(value));
}

function writeEntry(writer: ProtobufWriter, name: Bytes, value: Bytes): void {
  const end = writer.size;
  writer.bytes(VALUE, value);
  writer.bytes(KEY, name);
  writer.message(HttpRequest.HEADERS, end);
}

/** A header of the request; `isFirst` of its name. In the arena, one after the other. */
@unmanaged
@final
class Header {
  name: Bytes;
  value: Bytes;
  isFirst: bool;
}

/** A map has each name once: the values of a repeated one are joined by commas (RFC 9110, section 5.3), so that the authoriser sees them all. */
function writeHeaders(writer: ProtobufWriter, headers: HeaderMap): void {
  const count = headers.size;
  const size = offsetof<Header>();
  const start = arena.allocate(<usize>count * size);
  const end = start + <usize>count * size;
  const pairs = headers.iterate();
  for (let at = start; pairs.next(); at += size) {
    const header = changetype<Header>(at);
    header.name = toUtf8(Bytes.view(pairs.name.pointer, pairs.name.length));
    header.value = toUtf8(Bytes.view(pairs.value.pointer, pairs.value.length));
  }
  for (let at = end - size; at >= start && at < end; at -= size) {
    const header = changetype<Header>(at);
    // Only the filter says how much of a body is seen.
    if (header.name.equals(PARTIAL_BODY) || hasName(start, at, header.name)) continue;
    const entry = writer.size;
    for (let other = end - size; other >= at && other < end; other -= size) {
      const same = changetype<Header>(other);
      if (!same.name.equals(header.name)) continue;
      writer.raw(same.value);
      if (other != at) writer.raw(COMMA);
    }
    writer.message(VALUE, entry);
    writer.bytes(KEY, header.name);
    writer.message(HttpRequest.HEADERS, entry);
  }
}

/** Whether one of the headers from `start` to before `end` has this name. */
function hasName(start: usize, end: usize, name: Bytes): bool {
  for (let at = start; at < end; at += offsetof<Header>()) {
    if (changetype<Header>(at).name.equals(name)) return true;
  }
  return false;
}

function writeTime(writer: ProtobufWriter): void {
  const time = <u64>requestTime.getInteger();
  const end = writer.size;
  writer.varint(NANOS, time % NANOSECONDS);
  writer.varint(SECONDS, time / NANOSECONDS);
  writer.message(Request.TIME, end);
}

/** An address that is none of a socket is left out. */
function writePeer(writer: ProtobufWriter, field: u32, address: Bytes | null, principal: Bytes | null, service: Bytes | null): void {
  const end = writer.size;
  if (principal != null) writer.bytes(Peer.PRINCIPAL, toUtf8(principal));
  if (service != null) writer.bytes(Peer.SERVICE, toUtf8(service));
  const socket = address != null ? SocketAddress.parse(address) : null;
  if (address != null && socket != null) {
    const socketEnd = writer.size;
    writer.varint(PORT_VALUE, socket.port);
    writer.bytes(ADDRESS, hostOf(address));
    writer.message(SOCKET_ADDRESS, socketEnd);
    writer.message(Peer.ADDRESS, socketEnd);
  }
  writer.message(field, end);
}

/** The address of `10.0.0.1:80` or `[::1]:80`. */
function hostOf(socket: Bytes): Bytes {
  const colon = socket.lastIndexOf(0x3a);
  return socket[0] == 0x5b ? socket.slice(1, colon - 1) : socket.slice(0, colon);
}

/** The first that is there, as Envoy names a peer: by URI, by DNS name, by the subject of its certificate. */
function firstOf(uri: Bytes | null, dnsName: Property, subject: Property): Bytes | null {
  if (uri != null && uri.length > 0) return uri;
  const name = dnsName.get();
  return name != null && name.length > 0 ? name : subject.get();
}
