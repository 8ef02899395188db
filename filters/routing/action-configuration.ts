import { ConfigValue } from "../lib/config";
import { formatInteger } from "../lib/number";
import { Regex } from "../lib/regex";
import { Text } from "../sdk";
import {
  MAX_RETRIES_HEADER,
  PER_TRY_TIMEOUT_HEADER,
  RETRIABLE_STATUS_CODES_HEADER,
  RETRY_GRPC_ON_HEADER,
  RETRY_ON_HEADER,
  TIMEOUT_HEADER,
} from "./headers";
import { DirectResponse, HeaderChanges, HeaderOperations, HeaderValue, Redirect, Rewrite } from "./rule";

/** Envoy's conditions of `x-envoy-retry-grpc-on`; every other name belongs into `x-envoy-retry-on`. */
const GRPC_CONDITIONS: string[] = ["cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"];
const RETRIABLE_STATUS_CODES = "retriable-status-codes";

export function parseHeaders(value: ConfigValue, changes: HeaderChanges): void {
  value.object(["request", "response"]);
  const request = value.get("request");
  if (request != null) changes.request = parseOperations(request);
  const response = value.get("response");
  if (response != null) changes.response = parseOperations(response);
}

function parseOperations(value: ConfigValue): HeaderOperations {
  const operations = new HeaderOperations();
  value.object(["set", "add", "remove"]);
  const set = value.get("set");
  if (set != null) parseValues(set, operations.set);
  const add = value.get("add");
  if (add != null) parseValues(add, operations.add);
  const remove = value.get("remove");
  if (remove == null) return operations;
  const names = remove.items();
  for (let i = 0; i < names.length; i++) {
    const name = names[i].headerName();
    if (isPseudo(name)) names[i].report("a pseudo-header cannot be removed");
    operations.remove.push(name);
  }
  return operations;
}

function parseValues(value: ConfigValue, values: HeaderValue[]): void {
  const entries = value.entries();
  for (let i = 0; i < entries.length; i++) {
    const name = entries[i].headerKey();
    if (isPseudo(name)) entries[i].report("a pseudo-header cannot be set here; `rewrite` changes path and authority");
    values.push(new HeaderValue(name, entries[i].headerValue()));
  }
}

function isPseudo(name: Text): bool {
  return name.bytes.length > 0 && name.bytes[0] == 0x3a;
}

export function parseRewrite(value: ConfigValue): Rewrite {
  const rewrite = new Rewrite();
  value.object(["uri", "path", "uriRegexRewrite", "authority"]);
  value.atMostOne(["uri", "path", "uriRegexRewrite"]);
  const uri = value.get("uri");
  if (uri != null) rewrite.uri = pathText(uri);
  const path = value.get("path");
  if (path != null) rewrite.path = pathText(path);
  const regex = value.get("uriRegexRewrite");
  if (regex != null) {
    regex.object(["match", "rewrite"]);
    const pattern = regex.required("match");
    const substitution = regex.required("rewrite");
    if (pattern != null) {
      rewrite.regex = Regex.compile(pattern.text().bytes);
      if (rewrite.regex == null) pattern.report(Regex.errorMessage());
    }
    if (substitution != null) {
      const text = substitution.headerValue();
      rewrite.substitution = text;
      const compiled = rewrite.regex;
      if (compiled != null && !compiled.validReplacement(text.bytes)) {
        substitution.report("a backslash is followed by a digit of a capture that the pattern has, or by another backslash");
      }
    }
  }
  const authority = value.get("authority");
  if (authority != null) rewrite.authority = authority.headerValue();
  return rewrite;
}

export function parseRedirect(value: ConfigValue): Redirect {
  const redirect = new Redirect();
  value.object(["uri", "prefixRewrite", "authority", "port", "scheme", "redirectCode"]);
  value.atMostOne(["uri", "prefixRewrite"]);
  const uri = value.get("uri");
  if (uri != null) redirect.uri = pathText(uri);
  const prefix = value.get("prefixRewrite");
  if (prefix != null) redirect.prefixRewrite = pathText(prefix);
  const authority = value.get("authority");
  if (authority != null) redirect.authority = authority.headerValue();
  const port = value.get("port");
  if (port != null) redirect.port = <i32>port.integer(1, 65_535);
  const scheme = value.get("scheme");
  if (scheme != null) {
    redirect.scheme = scheme.text();
    const name = scheme.text().toString();
    if (name != "http" && name != "https") scheme.report("must be http or https");
  }
  const code = value.get("redirectCode");
  if (code != null) {
    redirect.code = <u32>code.integer(300, 399);
    if (![<u32>301, 302, 303, 307, 308].includes(redirect.code)) code.report("must be 301, 302, 303, 307 or 308");
  }
  return redirect;
}

export function parseDirectResponse(value: ConfigValue): DirectResponse {
  const response = new DirectResponse();
  value.object(["status", "body"]);
  const status = value.required("status");
  if (status != null) response.status = <u32>status.integer(200, 599);
  const body = value.get("body");
  if (body != null) response.body = body.text();
  return response;
}

/** Timeout and retries, as the request headers that Envoy's router obeys. */
export function parsePolicy(rule: ConfigValue, policy: HeaderValue[]): void {
  const timeout = rule.get("timeout");
  if (timeout != null) policy.push(milliseconds(TIMEOUT_HEADER, timeout));
  const retries = rule.get("retries");
  if (retries == null) return;
  retries.object(["attempts", "retryOn", "perTryTimeout"]);
  const attempts = retries.required("attempts");
  if (attempts != null) policy.push(new HeaderValue(MAX_RETRIES_HEADER, Text.from(formatInteger(attempts.integer(0, 100)))));
  const perTry = retries.get("perTryTimeout");
  if (perTry != null) policy.push(milliseconds(PER_TRY_TIMEOUT_HEADER, perTry));
  const retryOn = retries.get("retryOn");
  parseConditions(retryOn != null ? retryOn.headerValue().toString() : "connect-failure,refused-stream,unavailable,cancelled", policy);
}

function milliseconds(name: Text, value: ConfigValue): HeaderValue {
  return new HeaderValue(name, Text.from(formatInteger(value.duration())));
}

/** Istio's `retryOn`: HTTP and gRPC conditions in one list, and status codes. */
function parseConditions(list: string, policy: HeaderValue[]): void {
  const http: string[] = [];
  const grpc: string[] = [];
  const codes: string[] = [];
  const parts = list.split(",");
  for (let i = 0; i < parts.length; i++) {
    const condition = parts[i].trim();
    if (condition.length == 0) continue;
    if (GRPC_CONDITIONS.includes(condition)) grpc.push(condition);
    else if (isStatusCode(condition)) codes.push(condition);
    else http.push(condition);
  }
  if (codes.length > 0 && !http.includes(RETRIABLE_STATUS_CODES)) http.push(RETRIABLE_STATUS_CODES);
  if (http.length > 0) policy.push(new HeaderValue(RETRY_ON_HEADER, Text.of(http.join(","))));
  if (grpc.length > 0) policy.push(new HeaderValue(RETRY_GRPC_ON_HEADER, Text.of(grpc.join(","))));
  if (codes.length > 0) policy.push(new HeaderValue(RETRIABLE_STATUS_CODES_HEADER, Text.of(codes.join(","))));
}

function isStatusCode(text: string): bool {
  if (text.length != 3) return false;
  for (let i = 0; i < 3; i++) {
    if (<u32>(text.charCodeAt(i) - 0x30) > 9) return false;
  }
  return true;
}

/** A path to put into a request: it begins with a slash and has no query. */
function pathText(value: ConfigValue): Text {
  const text = value.headerValue();
  if (text.bytes.length == 0 || text.bytes[0] != 0x2f) value.report("must begin with /");
  return text;
}
