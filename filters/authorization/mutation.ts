import { arena, Bytes, HeaderMap } from "../sdk";
import { Limits } from "./limits";

/** What becomes of a header or a query parameter: `HeaderValueOption.append_action` of Envoy, and two that stand elsewhere. */
export const enum MutationAction {
  /** OVERWRITE_IF_EXISTS_OR_ADD */
  Overwrite,
  /** APPEND_IF_EXISTS_OR_ADD: a line of its own. */
  Add,
  /** ADD_IF_ABSENT */
  AddIfAbsent,
  /** OVERWRITE_IF_EXISTS */
  OverwriteIfExists,
  /** Behind a comma in the value that is there, and nothing where none is: what `ext_authz` makes of the deprecated `append`. */
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
    if (this.count++ == Limits.MUTATIONS) return false;
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
  let mutation = first;
  while (mutation != null) {
    mutation.apply(headers);
    mutation = mutation.next;
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

/** Appends to all values of `name`, joined, as one line. */
function append(headers: HeaderMap, name: Bytes, value: Bytes): void {
  let size = value.length;
  const lines = headers.values(name);
  while (lines.next()) size += lines.value.length + 1;
  if (size == value.length) return;
  const start = arena.allocate(<usize>size);
  let at = start;
  const again = headers.values(name);
  while (again.next()) {
    memory.copy(at, again.value.pointer, <usize>again.value.length);
    at += <usize>again.value.length;
    store<u8>(at++, 0x2c);
  }
  memory.copy(at, value.pointer, <usize>value.length);
  headers.set(name, Bytes.view(start, size));
}
