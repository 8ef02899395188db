import { Match } from "../lib/match";
import { formatInteger } from "../lib/number";
import { Authority } from "../lib/url";
import { Bytes, RequestView, Text } from "../sdk";
import { concatenate, replacePrefix, withQuery } from "./rewrite";
import { Redirect } from "./rule";

const HTTP = Bytes.of("http");
const HTTPS = Bytes.of("https");
const SEPARATOR = Bytes.of("://");
const COLON = Bytes.of(":");

/**
 * Where a redirect leads: the request's own URL with the parts that the rule names replaced. Without `port`, the request's port is kept, but
 * a port that is the default of a scheme it no longer has is dropped (`http://a:80` to https is `https://a`), as Envoy does.
 */
export function redirectLocation(redirect: Redirect, match: Match, request: RequestView): Bytes {
  const scheme = schemeOf(redirect, request);
  let location = concatenate(scheme, SEPARATOR);
  location = concatenate(location, authorityOf(redirect, request));
  return concatenate(location, targetOf(redirect, match, request));
}

function schemeOf(redirect: Redirect, request: RequestView): Bytes {
  const chosen = redirect.scheme;
  if (chosen != null) return chosen.bytes;
  const scheme = request.scheme;
  return scheme != null ? scheme : HTTP;
}

function authorityOf(redirect: Redirect, request: RequestView): Bytes {
  const chosen = redirect.authority;
  const own = request.authority;
  const authority = chosen != null ? chosen.bytes : own != null ? own : Bytes.empty();
  const host = Authority.parse(authority).host;
  if (redirect.port != 0) return concatenate(concatenate(host, COLON), formatInteger(redirect.port));
  if (chosen == null && redirect.scheme != null && isOtherDefault(redirect.scheme as Text, authority, host)) return host;
  return authority;
}

/** Whether `authority` has the default port of the scheme that the redirect leaves. */
function isOtherDefault(scheme: Text, authority: Bytes, host: Bytes): bool {
  const port = authority.slice(host.length);
  return scheme.bytes.equals(HTTPS) ? port.equals(PORT_80) : scheme.bytes.equals(HTTP) && port.equals(PORT_443);
}

const PORT_80 = Bytes.of(":80");
const PORT_443 = Bytes.of(":443");

function targetOf(redirect: Redirect, match: Match, request: RequestView): Bytes {
  const uri = redirect.uri;
  if (uri != null) return withQuery(uri.bytes, request);
  const prefix = redirect.prefixRewrite;
  if (prefix != null) return withQuery(replacePrefix(prefix.bytes, match, request.path), request);
  return request.target;
}
