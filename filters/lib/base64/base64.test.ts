import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

const REQUIRED = 0;
const FORBIDDEN = 1;
const OPTIONAL = 2;

const alphabets = [
  { name: "base64", decode: "decode", encode: "encode", encoding: "base64", characters: "A-Za-z0-9+/" },
  { name: "base64url", decode: "decodeUrl", encode: "encodeUrl", encoding: "base64url", characters: "A-Za-z0-9_-" },
] as const;

const unpadded = (text: string) => text.replace(/=+$/, "");
const padded = (text: string) => text.padEnd(Math.ceil(text.length / 4) * 4, "=");

describe("RFC 4648, section 10", () => {
  test.each([
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg=="],
    ["fooba", "Zm9vYmE="],
    ["foobar", "Zm9vYmFy"],
  ])("%j is %j", (text, encoded) => {
    for (const { decode, encode } of alphabets) {
      expect(calls.text(encode, text, 1)).toBe(encoded);
      expect(calls.text(encode, text, 0)).toBe(unpadded(encoded));
      expect(calls.text(decode, encoded, REQUIRED)).toBe(text);
      expect(calls.text(decode, unpadded(encoded), FORBIDDEN)).toBe(text);
      expect(calls.text(decode, encoded, OPTIONAL)).toBe(text);
      expect(calls.text(decode, unpadded(encoded), OPTIONAL)).toBe(text);
    }
  });
});

describe("what is refused", () => {
  test.each([
    ["padding where none may be", "Zg==", FORBIDDEN],
    ["padding where none is needed", "Zm9v=", OPTIONAL],
    ["four signs of padding", "Zm9v====", OPTIONAL],
    ["padding alone", "=", OPTIONAL],
    ["four signs of padding alone", "====", OPTIONAL],
    ["no padding where it must be", "Zg", REQUIRED],
    ["half of the padding", "Zg=", OPTIONAL],
    ["too much of the padding", "Zm8==", OPTIONAL],
    ["padding in the middle", "Zg==Zg==", OPTIONAL],
    ["padding at the front", "=Zm9", OPTIONAL],
    ["one character", "Z", OPTIONAL],
    ["one character over", "Zm9vZ", OPTIONAL],
    ["one character with padding", "Z===", OPTIONAL],
    ["four bits left over that are not zero", "Zh==", OPTIONAL],
    ["two bits left over that are not zero", "Zm9=", OPTIONAL],
    ["the same without padding", "Zm9", FORBIDDEN],
    ["a space", "Zm 9v", OPTIONAL],
    ["a space for a character", "Zm9 ", OPTIONAL],
    ["a line break at the end", "Zm9v\n", OPTIONAL],
    ["a line break inside", "Zm9v\r\nZm9v", OPTIONAL],
    ["a NUL", "Zm9\u0000", OPTIONAL],
    ["a byte above ASCII", "Zm9\u00f6", OPTIONAL],
    ["the characters beside the ranges", "@[`{", OPTIONAL],
  ])("%s: %j", (_name, text, padding) => {
    for (const { decode } of alphabets) expect(calls.text(decode, text, padding)).toBeNull();
  });

  test("the other alphabet", () => {
    for (const text of ["+/+/", "AA+/", "A/A="]) expect(calls.text("decodeUrl", text, OPTIONAL)).toBeNull();
    for (const text of ["-_-_", "AA-_", "A_A="]) expect(calls.text("decode", text, OPTIONAL)).toBeNull();
    expect(calls.text("decode", "+/+/", OPTIONAL)).toBe(Buffer.from("+/+/", "base64").toString("latin1"));
    expect(calls.text("decodeUrl", "-_-_", OPTIONAL)).toBe(Buffer.from("+/+/", "base64").toString("latin1"));
  });

  test("any byte outside the alphabet, wherever it stands", () => {
    for (const { decode, characters } of alphabets) {
      const inside = new RegExp(`^[${characters}]$`);
      for (let byte = 0; byte < 256; byte++) {
        const character = String.fromCharCode(byte);
        for (let at = 0; at < 4; at++) {
          const text = `${"A".repeat(at)}${character}${"A".repeat(3 - at)}`;
          const oracle = inside.test(character) ? Buffer.from(text, "base64").toString("latin1") : null;
          // The padding's own character makes a shorter text at the end.
          const expected = text === "AAA=" ? "\u0000\u0000" : oracle;
          expect(calls.text(decode, text, OPTIONAL)).toBe(expected);
        }
      }
    }
  });

  test("any byte outside the alphabet among many, which go by sixteen at a time", () => {
    for (const { decode, characters } of alphabets) {
      const inside = new RegExp(`^[${characters}]$`);
      const filler = "-+_/AzPoZ09bY5Nn".replace(/[-+_/]/g, (sign) => (inside.test(sign) ? sign : "k")).repeat(3);
      for (let byte = 0; byte < 256; byte++) {
        const character = String.fromCharCode(byte);
        for (let at = 0; at < 40; at++) {
          const text = `${filler.slice(0, at)}${character}${filler.slice(at + 1, 44)}`;
          expect(calls.text(decode, text, OPTIONAL)).toBe(inside.test(character) ? Buffer.from(text, "base64").toString("latin1") : null);
        }
      }
    }
  });
});

test("base64 wants its padding and base64url wants none, unless told otherwise", () => {
  expect(calls.text("decodeByDefault", "Zg==")).toBe("f");
  expect(calls.text("decodeByDefault", "Zg")).toBeNull();
  expect(calls.text("decodeUrlByDefault", "Zg")).toBe("f");
  expect(calls.text("decodeUrlByDefault", "Zg==")).toBeNull();
});

describe.each(alphabets)("with Buffer as the oracle, $name", ({ decode, encode, encoding, characters }) => {
  test("is written as Buffer writes it, and read back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        const text = buffer.toString("latin1");
        const encoded = unpadded(buffer.toString(encoding));
        expect(calls.text(encode, text, 0)).toBe(encoded);
        expect(calls.text(encode, text, 1)).toBe(padded(encoded));
        expect(calls.text(decode, encoded, FORBIDDEN)).toBe(text);
        expect(calls.text(decode, padded(encoded), REQUIRED)).toBe(text);
      }),
    );
  });

  test("that was mutated is read as Buffer reads it where it is what Buffer would write, else refused", () => {
    const mutation = fc.record({ at: fc.nat(), byte: fc.constantFrom(..."AZaz09+/-_= \n\u0000\u00ff"), remove: fc.boolean() });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.boolean(),
        fc.array(mutation, { maxLength: 3 }),
        fc.constantFrom(REQUIRED, FORBIDDEN, OPTIONAL),
        (bytes, pad, mutations, padding) => {
          const original = unpadded(Buffer.from(bytes).toString(encoding));
          let text = pad ? padded(original) : original;
          for (const { at, byte, remove } of mutations) {
            const index = at % (text.length + 1);
            text = text.slice(0, index) + (remove ? "" : byte) + text.slice(remove ? index + 1 : index);
          }
          // Buffer reads much that is not base64: what it wrote itself is.
          const decoded = Buffer.from(text, encoding);
          const canonical = unpadded(decoded.toString(encoding));
          const allowed = [...(padding === FORBIDDEN ? [] : [padded(canonical)]), ...(padding === REQUIRED ? [] : [canonical])];
          expect(calls.text(decode, text, padding)).toBe(allowed.includes(text) ? decoded.toString("latin1") : null);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("of random bytes does not trap", () => {
    const allowed = new RegExp(`^[${characters}]*={0,2}$`);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = Buffer.from(bytes).toString("latin1");
        if (calls.text(decode, text, OPTIONAL) !== null) expect(text).toMatch(allowed);
      }),
    );
  });

  test("makes no managed object", () => {
    expect(calls.growth(encode, "any bytes at all", 1)).toBe(0);
    expect(calls.growth(decode, "YW55IGJ5dGVzIGF0IGFsbA==", OPTIONAL)).toBe(0);
    expect(calls.growth(decode, "not base64", OPTIONAL)).toBe(0);
  });
});
