import { GlobKind, Glob, IstioPath } from "../lib/glob";
import { isHeaderValue } from "../lib/http";
import { Bytes, Text } from "../sdk";
import { Condition, Dimension, Key, KeyKind } from "./condition";
import { AUTHORITY, RequestView } from "./request";
import { anyHeaderMatches, anyHostMatches } from "./values";

const LINE_FEED: u8 = 0x0a;
const UNDECODABLE_HEADER = Text.of("undecodable_header");

/** `paths`: of the path without query. */
@final
export class PathCondition extends Condition {
  constructor(
    negated: bool,
    private readonly paths: IstioPath[],
  ) {
    super(negated);
  }

  found(request: RequestView): bool {
    const path = request.path;
    if (path == null) return false;
    for (let i = 0; i < this.paths.length; i++) {
      const pattern = unchecked(this.paths[i]);
      if (!pattern.matches(path)) continue;
      const glob = pattern.glob;
      if (glob == null || glob.kind != GlobKind.Present || path.indexOf(LINE_FEED) < 0) return true;
    }
    return false;
  }

  get dimension(): i32 {
    return Dimension.Path;
  }

  keys(): Key[] | null {
    const keys: Key[] = [];
    for (let i = 0; i < this.paths.length; i++) {
      const glob = this.paths[i].glob;
      if (glob == null) return null;
      if (glob.kind == GlobKind.Exact) keys.push(new Key(KeyKind.Path, glob.text));
      // Every path begins with a slash: such a prefix tells nothing.
      else if (glob.kind == GlobKind.Prefix && glob.text.bytes.length > 1) keys.push(new Key(KeyKind.PathPrefix, glob.text));
      else return null;
    }
    return keys;
  }
}

/** `hosts`: of `:authority` as it stands, with its port (so `x` is not `x:8080`, as in Istio), ASCII letters folded (CVE-2021-39155). */
@final
export class HostCondition extends Condition {
  constructor(
    negated: bool,
    private readonly hosts: Glob[],
  ) {
    super(negated);
  }

  found(request: RequestView): bool {
    const authority = request.authority;
    return authority != null && anyHostMatches(this.hosts, authority);
  }

  get dimension(): i32 {
    return Dimension.Host;
  }

  keys(): Key[] | null {
    return exactKeys(this.hosts, KeyKind.Host, true);
  }
}

/** `methods`: case-sensitive. */
@final
export class MethodCondition extends Condition {
  constructor(
    negated: bool,
    private readonly methods: Glob[],
  ) {
    super(negated);
  }

  found(request: RequestView): bool {
    const method = request.method;
    return method != null && anyHeaderMatches(this.methods, method);
  }

  get dimension(): i32 {
    return Dimension.Method;
  }

  keys(): Key[] | null {
    return exactKeys(this.methods, KeyKind.Method, false);
  }
}

/** `ports` and `destination.port`: the port of the connection's local address, not the one in `:authority`. */
@final
export class PortCondition extends Condition {
  constructor(
    negated: bool,
    private readonly ports: i32[],
  ) {
    super(negated);
  }

  found(request: RequestView): bool {
    const port = request.port;
    for (let i = 0; i < this.ports.length; i++) {
      if (unchecked(this.ports[i]) == port) return true;
    }
    return false;
  }
}

/** `request.headers[name]`: one value of a repeated header is enough, never their join (CVE-2026-26308). */
@final
export class HeaderCondition extends Condition {
  constructor(
    negated: bool,
    private readonly name: Text,
    private readonly values: Glob[],
  ) {
    super(negated);
  }

  found(request: RequestView): bool {
    const name = this.name.bytes;
    if (name.equals(AUTHORITY)) request.authority;
    const lines = request.headers.values(name);
    let found = false;
    while (lines.next()) {
      // Envoy's codecs refuse such a value (CVE-2019-9900); where one comes all the same, what is behind it would read another.
      if (!isHeaderValue(lines.value)) request.report(UNDECODABLE_HEADER);
      found = found || anyHeaderMatches(this.values, lines.value);
    }
    return found;
  }
}

/** Keys for values that are all exact. */
function exactKeys(globs: Glob[], kind: KeyKind, folded: bool): Key[] | null {
  const keys: Key[] = [];
  for (let i = 0; i < globs.length; i++) {
    if (globs[i].kind != GlobKind.Exact) return null;
    const bytes: Bytes = globs[i].text.bytes;
    keys.push(new Key(kind, folded ? Text.lowerCase(bytes) : globs[i].text));
  }
  return keys;
}
