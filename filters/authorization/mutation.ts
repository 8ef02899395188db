import { arena, Bytes, HeaderMap } from "../sdk";
import { Limits } from "./limits";

const SEPARATOR = Bytes.of(",");
const COOKIE = Bytes.of("cookie");
/** RFC 6265, section 4.2.1. */
const COOKIE_SEPARATOR = Bytes.of("; ");

/**
 * What becomes of a header or a query parameter: `HeaderValueOption.append_action` of Envoy, and two that stand elsewhere. In the order in which `ext_authz`
 * carries them out, whatever their order in the answer.
 */
export const enum MutationAction {
  /** APPEND_IF_EXISTS_OR_ADD: a line of its own. */
  Add,
  /** OVERWRITE_IF_EXISTS_OR_ADD */
  Overwrite,
  /** ADD_IF_ABSENT */
  AddIfAbsent,
  /** OVERWRITE_IF_EXISTS */
  OverwriteIfExists,
  /** Behind a comma in the value that is there, and nothing where none is: what becomes of the deprecated `append` in requests. */
  Append,
  Remove,
}

/** One change. Its place in memory is that of its list. */
@unmanaged
@final
export class Mutation {
  namePointer: usize;
  nameLength: i32;
  valuePointer: usize;
  valueLength: i32;
  action: MutationAction;
  next: Mutation | null;

  get name(): Bytes {
    return Bytes.view(this.namePointer, this.nameLength);
  }

  get value(): Bytes {
    return Bytes.view(this.valuePointer, this.valueLength);
  }

  apply(headers: HeaderMap): void {
    const action = this.action;
    const name = this.name;
    if (action == MutationAction.Remove) headers.remove(name);
    else if (action == MutationAction.Add) headers.add(name, this.value);
    else if (action == MutationAction.Append) append(headers, name, this.value);
    else if (action == MutationAction.Overwrite || headers.has(name) == (action == MutationAction.OverwriteIfExists)) {
      headers.set(name, this.value);
    }
  }
}

/** Changes in their order. Lives in the arena, until a copy is {@link keep kept}. */
@unmanaged
@final
export class Mutations {
  first: Mutation | null;
  private last: Mutation | null;
  private count: i32;

  static create(): Mutations {
    const mutations = changetype<Mutations>(arena.allocate(offsetof<Mutations>()));
    memory.fill(changetype<usize>(mutations), 0, offsetof<Mutations>());
    return mutations;
  }

  /** `false` where there are too many. */
  add(name: Bytes, value: Bytes, action: MutationAction): bool {
    if (this.count >= Limits.MUTATIONS) return false;
    this.count++;
    const mutation = changetype<Mutation>(arena.allocate(offsetof<Mutation>()));
    mutation.namePointer = name.pointer;
    mutation.nameLength = name.length;
    mutation.valuePointer = value.pointer;
    mutation.valueLength = value.length;
    mutation.action = action;
    mutation.next = null;
    const last = this.last;
    if (last == null) this.first = mutation;
    else last.next = mutation;
    this.last = mutation;
    return true;
  }
}

export function applyAll(first: Mutation | null, headers: HeaderMap): void {
  if (first == null) return;
  for (let action = MutationAction.Add; action <= MutationAction.Remove; action++) {
    let mutation: Mutation | null = first;
    while (mutation != null) {
      if (mutation.action == action) mutation.apply(headers);
      mutation = mutation.next;
    }
  }
}

/**
 * A copy of the list that outlives the callback, in one block of the heap that its owner frees; 0 for none.
 *
 * ```
 *   | Mutation | name | value | padding to 8 | Mutation | ...
 * ```
 */
export function keep(first: Mutation | null): usize {
  let size: usize = 0;
  let mutation = first;
  while (mutation != null) {
    size += sizeOf(mutation);
    mutation = mutation.next;
  }
  if (size == 0) return 0;
  const block = heap.alloc(size);
  let at = block;
  mutation = first;
  while (mutation != null) {
    const copy = changetype<Mutation>(at);
    copy.action = mutation.action;
    copy.nameLength = mutation.nameLength;
    copy.valueLength = mutation.valueLength;
    copy.namePointer = at + offsetof<Mutation>();
    copy.valuePointer = copy.namePointer + <usize>mutation.nameLength;
    memory.copy(copy.namePointer, mutation.namePointer, <usize>mutation.nameLength);
    memory.copy(copy.valuePointer, mutation.valuePointer, <usize>mutation.valueLength);
    at += sizeOf(mutation);
    mutation = mutation.next;
    copy.next = mutation != null ? changetype<Mutation>(at) : null;
  }
  return block;
}

function sizeOf(mutation: Mutation): usize {
  return (offsetof<Mutation>() + <usize>(mutation.nameLength + mutation.valueLength) + 7) & ~7;
}

/** Appends to the first line of `name`, as Envoy does; the others stay as they are. */
function append(headers: HeaderMap, name: Bytes, value: Bytes): void {
  // Over the map as it is now: what it looks at stays when the map changes.
  const lines = headers.values(name);
  if (!lines.next() || value.length == 0) return;
  const first = lines.value;
  let separator = name.equalsIgnoreCase(COOKIE) ? COOKIE_SEPARATOR : SEPARATOR;
  if (first.length == 0) separator = Bytes.empty();
  const size = first.length + separator.length + value.length;
  const start = arena.allocate(<usize>size);
  let at = start;
  memory.copy(at, first.pointer, <usize>first.length);
  at += <usize>first.length;
  memory.copy(at, separator.pointer, <usize>separator.length);
  at += <usize>separator.length;
  memory.copy(at, value.pointer, <usize>value.length);
  headers.set(name, Bytes.view(start, size));
  while (lines.next()) headers.add(name, lines.value);
}
