import { type HostName, isWildcard } from "../model/index.ts";

/** The patterns that can cover a host, the most specific first: itself, then each wildcard above it. `a.b.c`: `a.b.c`, `*.b.c`, `*.c`, `*`. */
export function* patternsOf(host: HostName): Iterable<HostName> {
  yield host;
  let rest = isWildcard(host) ? host.slice(2) : host;
  if (isWildcard(host) && host === "*") return;
  for (let dot = rest.indexOf("."); dot >= 0; dot = rest.indexOf(".")) {
    rest = rest.slice(dot + 1);
    yield `*.${rest}`;
  }
  yield "*";
}
