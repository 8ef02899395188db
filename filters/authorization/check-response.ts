import { isHeaderName, isHeaderValue } from "../lib/http";
import { ProtobufReader, WireType } from "../lib/protobuf";
import { isUtf8 } from "../lib/utf8";
import { arena, Bytes } from "../sdk";
import { CheckAnswer, Verdict } from "./check-answer";
import { isFraming, isPseudoHeader } from "./framing";
import { isRemovable } from "./http-check";
import { MutationAction, Mutations } from "./mutation";
import { isQueryText } from "./query-mutation";

// Field numbers of envoy.service.auth.v3 and of what it holds. What is not here is passed over: dynamic metadata above all, which a filter cannot set.

namespace CheckResponse {
  export const STATUS: u32 = 1;
  export const DENIED_RESPONSE: u32 = 2;
  export const OK_RESPONSE: u32 = 3;
  export const ERROR_RESPONSE: u32 = 5;
}
namespace OkHttpResponse {
  export const HEADERS: u32 = 2;
  export const HEADERS_TO_REMOVE: u32 = 5;
  export const RESPONSE_HEADERS_TO_ADD: u32 = 6;
  export const QUERY_PARAMETERS_TO_SET: u32 = 7;
  export const QUERY_PARAMETERS_TO_REMOVE: u32 = 8;
}
namespace DeniedHttpResponse {
  export const STATUS: u32 = 1;
  export const HEADERS: u32 = 2;
  export const BODY: u32 = 3;
}
namespace HeaderValueOption {
  export const HEADER: u32 = 1;
  export const APPEND: u32 = 2;
  export const APPEND_ACTION: u32 = 3;
}
/** Of `google.rpc.Status`, `envoy.type.v3.HttpStatus` and `google.protobuf.BoolValue`. */
const NUMBER: u32 = 1;
/** Of `HeaderValue` and `QueryParameter`. */
const KEY: u32 = 1;
const VALUE: u32 = 2;

const PATH = Bytes.of(":path");
const METHOD = Bytes.of(":method");
const AUTHORITY = Bytes.of(":authority");
const HOST = Bytes.of("host");
const SLASH: u8 = 0x2f;

/**
 * Reads a `CheckResponse`. Failed where it is malformed, as a call that failed. Denied where Envoy's `ext_authz` would go on all the same: where it asks for
 * something that cannot be carried out, has a field twice, holds a `denied_response` beside status 0, or says nothing, neither a status nor `ok_response`.
 */
export function readCheckResponse(message: Bytes): CheckAnswer {
  let status: Bytes | null = null;
  let ok: Bytes | null = null;
  let denied: Bytes | null = null;
  let isError = false;
  const reader = ProtobufReader.over(message);
  while (reader.next()) {
    const field = reader.field;
    if (field > CheckResponse.ERROR_RESPONSE) continue;
    // Up to there every field is a message.
    if (reader.wireType != WireType.Length) return CheckAnswer.refusal();
    if (field == CheckResponse.STATUS) {
      if (status != null) return CheckAnswer.refusal();
      status = reader.bytes;
    } else if (field == CheckResponse.DENIED_RESPONSE) {
      if (denied != null) return CheckAnswer.refusal();
      denied = reader.bytes;
    } else if (field == CheckResponse.OK_RESPONSE) {
      if (ok != null) return CheckAnswer.refusal();
      ok = reader.bytes;
    } else if (field == CheckResponse.ERROR_RESPONSE) {
      isError = true;
    }
  }
  const code = status != null ? readNumber(status) : 0;
  const denies = denied != null || code > 0;
  if (reader.malformed || code < 0) return denies ? CheckAnswer.refusal() : CheckAnswer.create();
  // As ext_authz: an error only where the status is one too.
  if (isError && denied == null) return code > 0 ? CheckAnswer.create() : CheckAnswer.refusal();
  if (denies) return readDenied(denied);
  return ok != null || status != null ? readOk(ok) : CheckAnswer.refusal();
}

function readDenied(denied: Bytes | null): CheckAnswer {
  const answer = CheckAnswer.refusal();
  if (denied == null) return answer;
  const reader = ProtobufReader.over(denied);
  while (reader.next()) {
    const field = reader.field;
    if (field > DeniedHttpResponse.BODY || reader.wireType != WireType.Length) continue;
    const value = reader.bytes;
    if (field == DeniedHttpResponse.HEADERS) {
      const option = HeaderOption.read(value);
      if (option == null) return CheckAnswer.refusal();
      // As in ext_authz the answer has nothing yet that could be appended to; every other action adds.
      if (option.isAppended || isPseudoHeader(option.name) || isFraming(option.name)) continue;
      answer.headers.add(option.name, option.value);
    } else if (field == DeniedHttpResponse.BODY) {
      if (!isUtf8(value)) return CheckAnswer.refusal();
      answer.body = value;
    } else {
      answer.status = <u32>max(readNumber(value), 0);
    }
  }
  return reader.malformed ? CheckAnswer.refusal() : answer;
}

function readOk(ok: Bytes | null): CheckAnswer {
  const answer = CheckAnswer.create();
  const fields = ok != null ? ok : Bytes.empty();
  const reader = ProtobufReader.over(fields);
  let taken = true;
  while (taken && reader.next()) {
    const field = reader.field;
    if (field > OkHttpResponse.QUERY_PARAMETERS_TO_REMOVE || reader.wireType != WireType.Length) continue;
    const value = reader.bytes;
    if (field == OkHttpResponse.HEADERS) taken = takeRequestHeader(answer.requestHeaders, HeaderOption.read(value));
    else if (field == OkHttpResponse.RESPONSE_HEADERS_TO_ADD) taken = takeResponseHeader(answer.responseHeaders, HeaderOption.read(value));
    else if (field == OkHttpResponse.HEADERS_TO_REMOVE)
      taken = !isRemovable(value) || answer.requestHeaders.add(value, Bytes.empty(), MutationAction.Remove);
    else if (field == OkHttpResponse.QUERY_PARAMETERS_TO_SET) taken = takeParameter(answer.query, value);
    else if (field == OkHttpResponse.QUERY_PARAMETERS_TO_REMOVE) taken = answer.query.add(value, Bytes.empty(), MutationAction.Remove);
  }
  if (reader.malformed) return answer;
  if (!taken) return CheckAnswer.refusal();
  answer.verdict = Verdict.Allowed;
  return answer;
}

/**
 * As `ext_authz` does: it appends where the deprecated `append` says so, and else replaces, whatever `append_action`. What a request has once cannot be
 * appended to: Envoy would make `a.example,b.example` of it.
 */
function takeRequestHeader(mutations: Mutations, option: HeaderOption | null): bool {
  if (option == null) return false;
  const name = option.name;
  const value = option.value;
  if (isFraming(name)) return true;
  // Envoy keeps Host as :authority.
  const isHost = name.equals(AUTHORITY) || name.equalsIgnoreCase(HOST);
  if (!isHost && !isPseudoHeader(name))
    return mutations.add(name, value, option.isAppended ? MutationAction.Append : MutationAction.Overwrite);
  if (option.isAppended || value.length == 0) return false;
  if (name.equals(PATH) ? value[0] != SLASH : !isHost && !name.equals(METHOD)) return false;
  return mutations.add(isHost ? AUTHORITY : name, value, MutationAction.Overwrite);
}

function takeResponseHeader(mutations: Mutations, option: HeaderOption | null): bool {
  if (option == null) return false;
  if (isFraming(option.name) || isPseudoHeader(option.name)) return true;
  return mutations.add(option.name, option.value, option.action);
}

function takeParameter(mutations: Mutations, parameter: Bytes): bool {
  const pair = Pair.read(parameter);
  if (pair == null || !isQueryText(pair.key, true) || !isQueryText(pair.value, false)) return false;
  return mutations.add(pair.key, pair.value, MutationAction.Overwrite);
}

/** The number of a message that holds one; 0 where it is left out, greater for a negative one, -1 where the message is malformed. */
function readNumber(message: Bytes): i64 {
  let number: i64 = 0;
  const reader = ProtobufReader.over(message);
  while (reader.next()) {
    if (reader.is(NUMBER, WireType.Varint)) number = <i64>(reader.value & u32.MAX_VALUE);
  }
  return reader.malformed ? -1 : number;
}

/** A `HeaderValue` or a `QueryParameter`. */
@unmanaged
@final
class Pair {
  key: Bytes;
  value: Bytes;

  /** Null where it is malformed. */
  static read(message: Bytes): Pair | null {
    const pair = changetype<Pair>(arena.allocate(offsetof<Pair>()));
    pair.key = Bytes.empty();
    pair.value = Bytes.empty();
    const reader = ProtobufReader.over(message);
    while (reader.next()) {
      if (reader.is(KEY, WireType.Length)) pair.key = reader.bytes;
      else if (reader.is(VALUE, WireType.Length)) pair.value = reader.bytes;
    }
    return reader.malformed || !isUtf8(pair.key) || !isUtf8(pair.value) ? null : pair;
  }
}

/** A `HeaderValueOption`. */
@unmanaged
@final
class HeaderOption {
  name: Bytes;
  value: Bytes;
  /** The deprecated `append` is there, and true. */
  isAppended: bool;
  /** What becomes of a response header. */
  action: MutationAction;

  /** Null where it is malformed, or is no header that can be sent (CVE-2023-27493). */
  static read(message: Bytes): HeaderOption | null {
    const option = changetype<HeaderOption>(arena.allocate(offsetof<HeaderOption>()));
    option.isAppended = false;
    option.action = MutationAction.Add;
    let pair: Pair | null = null;
    let append: i64 = -1;
    const reader = ProtobufReader.over(message);
    while (reader.next()) {
      if (reader.is(HeaderValueOption.HEADER, WireType.Length)) pair = Pair.read(reader.bytes);
      else if (reader.is(HeaderValueOption.APPEND, WireType.Length)) append = readNumber(reader.bytes);
      else if (reader.is(HeaderValueOption.APPEND_ACTION, WireType.Varint)) {
        if (reader.value > OVERWRITE_IF_EXISTS) return null;
        option.action = responseAction(<u32>reader.value);
      }
    }
    if (pair == null || reader.malformed || !isHeaderValue(pair.value)) return null;
    const name = pair.key;
    if (!isHeaderName(isPseudoHeader(name) ? name.slice(1) : name)) return null;
    option.name = name;
    option.value = pair.value;
    option.isAppended = append > 0;
    if (append >= 0) option.action = append > 0 ? MutationAction.Add : MutationAction.Overwrite;
    return option;
  }
}

/** The last of `HeaderAppendAction`. */
const OVERWRITE_IF_EXISTS: u64 = 3;

function responseAction(appendAction: u32): MutationAction {
  if (appendAction == 0) return MutationAction.Add;
  if (appendAction == 1) return MutationAction.AddIfAbsent;
  return appendAction == 2 ? MutationAction.Overwrite : MutationAction.OverwriteIfExists;
}
