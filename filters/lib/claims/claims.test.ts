import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

/** The texts of the claim at `path`; undefined for a path that has neither form. */
function texts(path: string, claims: unknown): string[] | undefined {
  if (!calls.bool("setPath", path)) return undefined;
  return (calls.text("texts", JSON.stringify({ claims })) ?? "").split("\n").slice(0, -1);
}

describe("the texts of a claim", () => {
  test.each([
    ["a text", "[group]", { group: "dev", other: "x" }, ["dev"]],
    ["an empty text", "[group]", { group: "" }, [""]],
    ["a list", "[group]", { group: ["dev", "ops"], other: ["x"] }, ["dev", "ops"]],
    ["texts in a mixed list", "[group]", { group: [1, "dev", null, ["x"], "ops", {}] }, ["dev", "ops"]],
    ["an empty list", "[group]", { group: [] }, []],
    ["a number", "[level]", { level: 5, other: "x" }, []],
    ["a boolean", "[admin]", { admin: true, other: "x" }, []],
    ["an object", "[a]", { a: { b: "x" } }, []],
    ["null", "[a]", { a: null }, []],
    ["no claim", "[a]", { b: "x" }, []],
    ["no claims", "[a]", undefined, []],
    ["a nested claim", "[a][b]", { a: { b: ["x", "y"] } }, ["x", "y"]],
    ["a nested claim by dots", ".a.b", { a: { b: "x" } }, ["x"]],
    ["a nested claim below a text", "[a][b]", { a: "x" }, []],
    ["a name with a dot, in brackets", "[a.b]", { "a.b": "x" }, ["x"]],
    ["scope, word by word", "[scope]", { scope: " read  write " }, ["read", "write"]],
    ["permission, word by word", ".permission", { permission: "a b" }, ["a", "b"]],
    ["an empty scope", "[scope]", { scope: " " }, []],
    ["scope as a list, entry by entry", "[scope]", { scope: ["a b"] }, ["a b"]],
    ["a nested scope, whole", "[a][scope]", { a: { scope: "a b" } }, ["a b"]],
  ])("of %s", (_, path, claims, expected) => {
    expect(texts(path, claims)).toEqual(expected);
  });

  test.each(["", "[", "[]", "a", ".", "[a", "a]", "[a]b", "[a][", "[a][]", "[[a]]", ".a.", "..a", ".a[b]"])(
    "there is no path %j",
    (path) => {
      expect(texts(path, {})).toBeUndefined();
    },
  );
});

describe("what authentication left", () => {
  const state = '{"principal":"https://i/s","presenter":"p","claims":{"iss":"https://i"},"consumer":"ann"}';

  test("names a principal and a consumer", () => {
    expect(calls.text("principal", state)).toBe("https://i/s");
    expect(calls.text("consumer", state)).toBe("ann");
    expect([calls.bool("authenticated", state), calls.bool("undecodable", state)]).toEqual([true, false]);
  });

  test("can be nothing", () => {
    expect([calls.bool("authenticated", ""), calls.bool("undecodable", ""), calls.text("principal", "")]).toEqual([false, false, null]);
  });

  test.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["a member twice", '{"claims":{},"claims":{"a":"b"}}'],
    ["bad UTF-8", '{"principal":"\xff"}'],
    ["too deep", `{"claims":${"[".repeat(64)}${"]".repeat(64)}}`],
    ["too large", `{"principal":"${"x".repeat(1 << 18)}"}`],
  ])("cannot be read where it is %s", (_, text) => {
    expect([calls.bool("undecodable", text), calls.bool("authenticated", text), calls.text("principal", text)]).toEqual([
      true,
      false,
      null,
    ]);
  });

  test("never traps, and is read in memory of the arena", () => {
    calls.bool("setPath", "[a][b]");
    fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => void calls.text("texts", Buffer.from(text).toString("latin1"))));
    expect(calls.growth("texts", '{"claims":{"a":{"b":["x",1,"y"]}}}')).toBe(0);
  });
});
