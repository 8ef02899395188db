import { number, type Token } from "./words.ts";

/** What is right about a probe's arguments: all (`valid`), or something is not. */
export type Kind = "valid" | "wrong";

export interface Probe {
  readonly hostcall: string;
  readonly kind: Kind;
  /** What is tried, for people; the same for no two probes of a hostcall. */
  readonly what: string;
  readonly tokens: readonly Token[];
  /** Callbacks in which it is made; all where absent. */
  readonly callbacks?: readonly string[];
}

/** One parameter, or a pointer with its length: a right argument, and wrong ones with a name for each. */
export interface Parameter {
  readonly name: string;
  readonly right: Token;
  readonly wrong: ReadonlyArray<readonly [what: string, ...tokens: Token[]]>;
}

const END = "m0";
const NEAR_END = "m-2";

/** Bytes that the module hands over. */
export function input(name: string, right: Token): Parameter {
  return {
    name,
    right,
    wrong: [
      ["null and empty", number(0), number(0)],
      ["empty", "x"],
      ["behind the end", END, number(1)],
      ["over the end", NEAR_END, number(4)],
      ["longer than the memory", number(8), number(-1)],
      ["at the last address", number(-1), number(1)],
      ["empty at the end", END, number(0)],
    ],
  };
}

/** The wrong places of {@link input}, where an empty one does something else. */
export function outside(name: string): Parameter["wrong"] {
  return input(name, "").wrong.filter(([what]) => !what.includes("empty"));
}

/** A place for a word (4 bytes) or a long one (8). */
export function output(name: string, right: Token): Parameter {
  return {
    name,
    right,
    wrong: [
      ["null", number(0)],
      ["behind the end", END],
      ["over the end", NEAR_END],
      ["at the last address", number(-1)],
    ],
  };
}

/** Places for a pointer and a length, for bytes that the host allocates in the module. */
export function given(name: string): Parameter {
  return {
    name,
    right: "p",
    wrong: [
      ["pointer behind the end", END, "o4"],
      ["length behind the end", "t4", END],
      ["pointer over the end", NEAR_END, "o4"],
      ["malloc gives null", "p", "z1"],
      ["malloc gives an address outside", "p", "z2"],
    ],
  };
}

/** A number, with wrong ones. */
export function integer(name: string, right: Token, wrong: ReadonlyArray<number | bigint> = []): Parameter {
  return { name, right, wrong: wrong.map((value) => [String(value), number(value)]) };
}

/** A call with right arguments, then one for each wrong one. */
export function calls(hostcall: string, ...parameters: readonly Parameter[]): Probe[] {
  return [valid(hostcall, "valid", ...parameters.map(({ right }) => right)), ...wrongCalls(hostcall, ...parameters)];
}

/** Only the calls with a wrong argument. */
export function wrongCalls(hostcall: string, ...parameters: readonly Parameter[]): Probe[] {
  return parameters.flatMap(({ name, wrong }, index) =>
    wrong.map(([what, ...tokens]): Probe => {
      const before = parameters.slice(0, index).map(({ right }) => right);
      const after = parameters.slice(index + 1).map(({ right }) => right);
      return { hostcall, kind: "wrong", what: `${name} ${what}`, tokens: [...before, ...tokens, ...after] };
    }),
  );
}

export function valid(hostcall: string, what: string, ...tokens: readonly Token[]): Probe {
  return { hostcall, kind: "valid", what, tokens };
}

export function wrong(hostcall: string, what: string, ...tokens: readonly Token[]): Probe {
  return { hostcall, kind: "wrong", what, tokens };
}

/** The same probes in these callbacks only. */
export function only(callbacks: readonly string[], probes: readonly Probe[]): Probe[] {
  return probes.map((probe) => ({ ...probe, callbacks }));
}
