import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Assembly, loadAssembly } from "../../testing/assembly.ts";

let assembly: Assembly;

beforeAll(async () => {
  assembly = await loadAssembly(join(import.meta.dirname, "testing.ts"));
});

const ERRORS = [
  "none",
  "too large",
  "too deep",
  "unexpected end",
  "unexpected byte",
  "bad number",
  "bad string",
  "bad escape",
  "bad UTF-8",
  "duplicate key",
  "trailing data",
];

function call(name: string, ...values: number[]): number {
  return assembly.exports[name]?.(...values) ?? Number.NaN;
}

/** The error by name, and where. */
function parse(source: string | Uint8Array, maxSize = 1 << 20, maxDepth = 64): { error: string; offset: number } {
  assembly.reset();
  const { pointer, length } = assembly.write(source);
  const error = ERRORS[call("parse", pointer, length, maxSize, maxDepth)] ?? "unknown";
  return { error, offset: call("errorOffset") };
}

function dump(): string {
  const length = call("dump");
  return assembly.text(call("dumped"), length);
}

const hex = (text: string) => `${Buffer.from(text, "utf8").toString("hex")}.`;

/** What `dump` writes for a value that JSON.stringify wrote. */
function expected(value: unknown): string {
  if (value === null) return "n";
  if (typeof value === "boolean") return value ? "t" : "f";
  if (typeof value === "number") return `d${hex(JSON.stringify(value))}`;
  if (typeof value === "string") return `s${hex(value)}`;
  if (Array.isArray(value)) return `a(${value.map(expected).join("")})`;
  return `o(${Object.entries(value as object)
    .map(([key, member]) => hex(key) + expected(member))
    .join("")})`;
}

describe("what RFC 8259 allows", () => {
  test.each([
    ["white space around", " \t\r\n1 \t\r\n", "d31."],
    ["every escape", '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041"', "s225c2f080c0a0d0941."],
    ["a surrogate pair", '"\\ud83d\\ude00"', "sf09f9880."],
    ["an escaped NUL", '"a\\u0000b"', "s610062."],
    ["an empty key", '{"":1}', "o(.d31.)"],
    ["a number with everything", "-0.5e+10", "d2d302e35652b3130."],
    ["empty containers", '[{},[],""]', "a(o()a()s.)"],
    ["DEL and noncharacters", '"\u007f\uffff"', "s7fefbfbf."],
  ])("%s", (_name, source, dumped) => {
    expect(parse(source)).toEqual({ error: "none", offset: 0 });
    expect(dump()).toBe(dumped);
  });
});

describe("what it does not, and where", () => {
  test.each([
    ["nothing", "", "unexpected end", 0],
    ["a byte order mark", "\ufeff1", "unexpected byte", 0],
    ["a trailing comma", "[1,]", "unexpected byte", 3],
    ["a comma alone", "[,1]", "unexpected byte", 1],
    ["a missing comma", "[1 2]", "unexpected byte", 3],
    ["a comment", "/**/1", "unexpected byte", 0],
    ["single quotes", "'a'", "unexpected byte", 0],
    ["a bare key", "{a:1}", "unexpected byte", 1],
    ["a missing colon", '{"a" 1}', "unexpected byte", 5],
    ["a leading zero", "012", "trailing data", 1],
    ["a plus sign", "+1", "unexpected byte", 0],
    ["a fraction without digits", "1.", "bad number", 2],
    ["an exponent without digits", "1e", "bad number", 2],
    ["NaN", "NaN", "unexpected byte", 0],
    ["a capital literal", "True", "unexpected byte", 0],
    ["a cut literal", "tru", "unexpected byte", 0],
    ["two documents", "1 1", "trailing data", 2],
    ["an open array", "[1", "unexpected end", 2],
    ["an open string", '"a', "unexpected end", 2],
    ["an open escape", '"a\\', "unexpected end", 3],
    ["a tab in a string", '"\t"', "bad string", 1],
    ["an unknown escape", '"\\x41"', "bad escape", 1],
    ["a short escape", '"\\u12"', "bad escape", 1],
    ["a lone high surrogate", '"\\ud800"', "bad escape", 1],
    ["a lone low surrogate", '"\\udc00"', "bad escape", 1],
    ["a surrogate pair in the wrong order", '"\\ude00\\ud83d"', "bad escape", 1],
    ["a member twice", '{"a":1,"a":2}', "duplicate key", 7],
    ["a member twice, once escaped", '{"a":1,"\\u0061":2}', "duplicate key", 7],
  ])("%s", (_name, source, error, offset) => {
    expect(parse(source)).toEqual({ error, offset });
  });

  test.each([
    ["an overlong form", [0xc0, 0xaf]],
    ["an overlong form of three bytes", [0xe0, 0x80, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a lone continuation", [0x80]],
    ["a cut sequence", [0xe2, 0x82]],
  ])("%s is not UTF-8", (_name, bytes) => {
    expect(parse(Uint8Array.from([0x22, ...bytes, 0x22]))).toEqual({ error: "bad UTF-8", offset: 1 });
  });

  test("every byte stands for itself, ends a string or is refused, wherever in it: they are gone through sixteen at a time", () => {
    for (let byte = 0; byte < 256; byte++) {
      for (let before = 0; before < 18; before++) {
        const bytes = Buffer.from(`"${"~".repeat(before)}?${" ".repeat(18)}"`);
        bytes[1 + before] = byte;
        const at = 1 + before;
        const expected: Readonly<Record<string, object>> = {
          quote: { error: "trailing data", offset: at + 19 },
          backslash: { error: "bad escape", offset: at },
          control: { error: "bad string", offset: at },
          foreign: { error: "bad UTF-8", offset: at },
          plain: { error: "none", offset: 0 },
        };
        const kind = byte === 0x22 ? "quote" : byte === 0x5c ? "backslash" : byte < 0x20 ? "control" : byte > 0x7f ? "foreign" : "plain";
        expect([byte, before, parse(bytes)]).toEqual([byte, before, expected[kind]]);
        if (kind === "plain") expect(dump()).toBe(`s${bytes.toString("hex", 1, bytes.length - 1)}.`);
      }
    }
  });

  test("a member twice among many is found, and many are not quadratic", () => {
    const members = Array.from({ length: 20_000 }, (_, index) => `"k${index}":0`);
    expect(parse(`{${members.join(",")}}`).error).toBe("none");
    expect(parse(`{${[...members, '"k7":1'].join(",")}}`).error).toBe("duplicate key");
  });

  test("limits hold", () => {
    expect(parse("[".repeat(65) + "]".repeat(65)).error).toBe("too deep");
    expect(parse("[".repeat(64) + "]".repeat(64)).error).toBe("none");
    expect(parse("[".repeat(1_000_000)).error).toBe("too deep");
    expect(parse('"aaaa"', 5).error).toBe("too large");
  });
});

describe("with JSON.parse as the oracle", () => {
  const distinct = (value: unknown): boolean => value === null || typeof value !== "object" || Object.values(value).every(distinct);

  test("every document that JSON.stringify writes is read, and as the same value", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (source) => {
        // Lone surrogates cannot be written in UTF-8.
        fc.pre(source.isWellFormed() && !/\\ud[89a-f]/i.test(source));
        expect(parse(source)).toEqual({ error: "none", offset: 0 });
        const value: unknown = JSON.parse(source);
        fc.pre(distinct(value) && !/-0|[eE]/.test(source));
        if (JSON.stringify(value) === source) expect(dump()).toBe(expected(value));
      }),
      { numRuns: 500 },
    );
  });

  test("a copy of any document is the same when the document and the arena are gone", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (source) => {
        const list = `[${source}]`;
        fc.pre(list.isWellFormed() && !/\\ud[89a-f]/i.test(list) && parse(list).error === "none");
        const before = dump();
        assembly.reset();
        const { pointer, length } = assembly.write(` ${list} `);
        expect(call("copy", pointer, length)).toBeTruthy();
        expect(dump()).toBe(before);
      }),
      { numRuns: 200 },
    );
  });

  test("of a mutated document both say the same", () => {
    const mutation = fc.record({ at: fc.nat(), byte: fc.constantFrom(...'{}[]",:\\ \t0129eE.+-nulltruefalse/u'), remove: fc.boolean() });
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 4, noUnicodeString: true }),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (source, mutations) => {
          let text = source;
          for (const { at, byte, remove } of mutations) {
            const index = at % (text.length + 1);
            text = text.slice(0, index) + (remove ? "" : byte) + text.slice(remove ? index + 1 : index);
          }
          fc.pre(text.isWellFormed());
          let valid = true;
          try {
            JSON.parse(text);
          } catch {
            valid = false;
          }
          const { error } = parse(text);
          // Stricter on purpose.
          fc.pre(error !== "duplicate key" && error !== "bad escape");
          expect(error === "none").toBe(valid);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("no bytes trap, and memory does not grow", () => {
    parse("[1]");
    const before = assembly.memory.buffer.byteLength;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(ERRORS).toContain(parse(bytes).error);
      }),
      { numRuns: 3_000 },
    );
    expect(assembly.memory.buffer.byteLength).toBe(before);
  });
});
