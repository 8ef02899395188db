import { arena, Bytes } from "../sdk";
import { Mutation, MutationAction } from "./mutation";

const QUESTION_MARK: u8 = 0x3f;
const AMPERSAND: u8 = 0x26;
const EQUALS: u8 = 0x3d;
const NUMBER_SIGN: u8 = 0x23;

/** Whether `text` can stand in a query as the name of a parameter, or as its value. It goes there as it is, not percent-encoded, as in `ext_authz`. */
export function isQueryText(text: Bytes, isName: bool): bool {
  for (let i = 0; i < text.length; i++) {
    const byte = text[i];
    if (byte <= 0x20 || byte >= 0x7f || byte == AMPERSAND || byte == NUMBER_SIGN || (isName && byte == EQUALS)) return false;
  }
  return true;
}

/**
 * A copy of `path` in the arena with the parameters of its query set and removed. Names are compared as they stand; the others keep their places. A
 * parameter that is set takes the place of the first of its name, or the end; one that is both set and removed is removed.
 */
export function mutateQuery(path: Bytes, mutations: Mutation | null): Bytes {
  let capacity = path.length + 1;
  let mutation = mutations;
  while (mutation != null) {
    capacity += mutation.nameLength + mutation.valueLength + 2;
    mutation = mutation.next;
  }
  const question = path.indexOf(QUESTION_MARK);
  const query = question < 0 ? Bytes.empty() : path.slice(question + 1);
  const copy = Bytes.view(arena.allocate(<usize>capacity), 0);
  put(copy, question < 0 ? path : path.slice(0, question));
  const start = copy.length;
  for (let at = 0; at < query.length;) {
    const ampersand = query.indexOf(AMPERSAND, at);
    const parameter = query.slice(at, ampersand < 0 ? query.length : ampersand);
    at += parameter.length + 1;
    const found = find(mutations, nameOf(parameter));
    if (found == null) separate(copy, start, parameter);
    else if (found.action == MutationAction.Overwrite) set(copy, start, found);
  }
  mutation = mutations;
  while (mutation != null) {
    if (find(mutations, mutation.name) == mutation && mutation.action == MutationAction.Overwrite) set(copy, start, mutation);
    mutation = mutation.next;
  }
  return copy;
}

function nameOf(parameter: Bytes): Bytes {
  const equals = parameter.indexOf(EQUALS);
  return equals < 0 ? parameter : parameter.slice(0, equals);
}

/** What becomes of a parameter: a removal, else the last value that it is set to. */
function find(mutations: Mutation | null, name: Bytes): Mutation | null {
  let found: Mutation | null = null;
  let mutation = mutations;
  while (mutation != null) {
    if (mutation.name.equals(name)) {
      if (mutation.action == MutationAction.Remove) return mutation;
      found = mutation;
    }
    mutation = mutation.next;
  }
  return found;
}

/** Writes a parameter with its value, once: from then on others of its name are removed. */
function set(copy: Bytes, start: i32, mutation: Mutation): void {
  separate(copy, start, mutation.name);
  store<u8>(copy.pointer + <usize>copy.length, EQUALS);
  copy.length++;
  put(copy, mutation.value);
  mutation.action = MutationAction.Remove;
}

function separate(copy: Bytes, start: i32, parameter: Bytes): void {
  store<u8>(copy.pointer + <usize>copy.length, copy.length == start ? QUESTION_MARK : AMPERSAND);
  copy.length++;
  put(copy, parameter);
}

function put(copy: Bytes, bytes: Bytes): void {
  memory.copy(copy.pointer + <usize>copy.length, bytes.pointer, <usize>bytes.length);
  copy.length += bytes.length;
}
