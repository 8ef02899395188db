import { arena, Bytes } from "../bytes";

/**
 * The parameters of a query in their order, as Envoy cuts them (`QueryParamsMulti::parseQueryString`): separated by `&` only (a `;`
 * belongs to the value), split at the first `=`, nothing percent-decoded, `?v` the same as `?v=`. An empty part between two `&` is a
 * parameter with an empty name; one after the last `&` is none.
 *
 * ```
 * const parameters = QueryParameters.of(query);
 * while (parameters.next()) use(parameters.name, parameters.value);
 * ```
 *
 * {@link name} and {@link value} are moved by every step: what must outlast it is kept with `slice(0)`.
 */
@unmanaged
@final
export class QueryParameters {
  /** The name of the current parameter. */
  name: Bytes;
  /** Its value, empty where there is no `=`. */
  value: Bytes;
  private pointer: usize;
  private end: usize;

  /** An iterator before the first parameter of `query`, which begins after the `?`. */
  static of(query: Bytes): QueryParameters {
    const parameters = changetype<QueryParameters>(arena.allocate(offsetof<QueryParameters>()));
    parameters.name = Bytes.empty();
    parameters.value = Bytes.empty();
    parameters.pointer = query.pointer;
    parameters.end = query.pointer + <usize>query.length;
    return parameters;
  }

  /** Moves to the next parameter; false where there is none. */
  next(): bool {
    const start = this.pointer;
    const end = this.end;
    if (start >= end) return false;
    let at = start;
    let equal: usize = 0;
    for (; at < end; at++) {
      const byte = load<u8>(at);
      if (byte == 0x26) break;
      if (byte == 0x3d && equal == 0) equal = at;
    }
    const nameEnd = equal == 0 ? at : equal;
    const valueStart = equal == 0 ? at : equal + 1;
    this.name.pointer = start;
    this.name.length = <i32>(nameEnd - start);
    this.value.pointer = valueStart;
    this.value.length = <i32>(at - valueStart);
    this.pointer = at + 1;
    return true;
  }

  /** Moves to the next parameter called `name`, so that a loop sees all its values; false where there is none. */
  nextOf(name: Bytes): bool {
    while (this.next()) {
      if (this.name.equals(name)) return true;
    }
    return false;
  }
}

/** The value of the first parameter called `name`, the only one that Envoy's and Istio's `queryParams` look at, or null. */
export function queryParameter(query: Bytes, name: Bytes): Bytes | null {
  const parameters = QueryParameters.of(query);
  return parameters.nextOf(name) ? parameters.value : null;
}
