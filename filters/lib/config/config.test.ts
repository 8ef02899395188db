import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { type ByteArgument, ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

const latin1 = (text: string) => Buffer.from(text, "utf8").toString("latin1");
const utf8 = (text: string | null) => (text === null ? null : Buffer.from(text, "latin1").toString("utf8"));

/** Everything that is wrong with a configuration, or null. */
function problems(source: string): string | null {
  calls.number("document", latin1(source));
  return utf8(calls.text("problems"));
}

/** One value, and what is wrong with it. */
function number(name: string, source: string, ...bounds: readonly ByteArgument[]): { value: number; problem: string | null } {
  return { value: calls.number(name, latin1(source), ...bounds), problem: utf8(calls.text("problems")) };
}

function text(name: string, source: string): { value: string | null; problem: string | null } {
  return { value: utf8(calls.text(name, latin1(source))), problem: utf8(calls.text("problems")) };
}

test("nothing is wrong with a whole configuration", () => {
  const whole = {
    name: "a",
    metadata: null,
    percentage: 12.5,
    timeout: "1.5s",
    retries: 3,
    enabled: true,
    headers: { "X-A": "b", ":path": "" },
    rules: [{ header: "x-b", retries: 10 }, {}],
    uri: "/",
  };
  expect(problems(JSON.stringify(whole))).toBeNull();
  expect(problems(JSON.stringify(whole, null, 2))).toBeNull();
});

describe("names of fields", () => {
  test.each([
    ["a letter wrong", '{"name":"a","retires":1}', "retires: unknown field; did you mean `retries`? (line 1, column 13)"],
    ["a letter missing", '{"name":"a","nam":1}', "nam: unknown field; did you mean `name`? (line 1, column 13)"],
    ["a letter too many", '{"name":"a","timeouts":1}', "timeouts: unknown field; did you mean `timeout`? (line 1, column 13)"],
    ["cut short", '{"name":"a","meta":1}', "meta: unknown field; did you mean `metadata`? (line 1, column 13)"],
    ["near to nothing", '{"name":"a","zzzzzzzz":1}', "zzzzzzzz: unknown field (line 1, column 13)"],
    ["empty", '{"name":"a","":1}', "unknown field (line 1, column 13)"],
    [
      "inside a list",
      '{"name":"a","rules":[{},{"haeder":1}]}',
      "rules[1].haeder: unknown field; did you mean `header`? (line 1, column 26)",
    ],
  ])("%s", (_name, source, problem) => {
    expect(problems(source)).toBe(problem);
  });

  test("names of any length are compared", () => {
    const long = "n".repeat(100_000);
    expect(problems(`{"name":"a","${long}":1}`)).toBe(`${long}: unknown field (line 1, column 13)`);
  });

  test.each([
    ["missing", "{}", "`name` is missing (line 1, column 1)"],
    ["twice", '{"name":"a",\n "name":"b"}', "not JSON: this member stands twice (line 2, column 2)"],
    ["twice, once escaped", '{"name":"a","n\\u0061me":"b"}', "not JSON: this member stands twice (line 1, column 13)"],
    ["two of which one may be", '{"name":"a","uri":"","host":""}', "host: only one of uri, host may be set (line 1, column 22)"],
  ])("%s", (_name, source, problem) => {
    expect(problems(source)).toBe(problem);
  });
});

describe("wrong types", () => {
  test.each([
    ["[]", "expected an object, found a list (line 1, column 1)"],
    ["null", "expected an object, found null (line 1, column 1)"],
    ['{"name":1}', "name: expected a string, found a number (line 1, column 9)"],
    ['{"name":""}', "name: must not be empty (line 1, column 9)"],
    ['{"name":"a","enabled":"true"}', "enabled: expected true or false, found a string (line 1, column 23)"],
    ['{"name":"a","enabled":null}', "enabled: expected true or false, found null (line 1, column 23)"],
    ['{"name":"a","retries":"1"}', "retries: expected a number, found a string (line 1, column 23)"],
    ['{"name":"a","percentage":true}', "percentage: expected a number, found true (line 1, column 26)"],
    ['{"name":"a","timeout":5}', "timeout: expected a string, found a number (line 1, column 23)"],
    ['{"name":"a","headers":[]}', "headers: expected an object, found a list (line 1, column 23)"],
    ['{"name":"a","headers":{"x.y":false}}', 'headers["x.y"]: expected a string, found false (line 1, column 30)'],
    ['{"name":"a","rules":{}}', "rules: expected a list, found an object (line 1, column 21)"],
    ['{"name":"a","rules":[{},[]]}', "rules[1]: expected an object, found a list (line 1, column 25)"],
  ])("%s", (source, problem) => {
    expect(problems(source)).toContain(problem);
  });
});

describe("no configuration", () => {
  test.each([
    ["", "no configuration (line 1, column 1)"],
    ["{", "not JSON: the document ends too early (line 1, column 2)"],
    ['{"name":"a",}', "not JSON: unexpected character (line 1, column 13)"],
    ["\ufeff{}", "not JSON: unexpected character (line 1, column 1)"],
    ["{} {}", "not JSON: something follows the document (line 1, column 4)"],
    ["[".repeat(65), "not JSON: values are nested too deeply (line 1, column 66)"],
    [" ".repeat((1 << 20) + 1), "not JSON: the document is too large (line 1, column 1)"],
  ])("%#", (source, problem) => {
    expect(problems(source)).toBe(problem);
  });
});

describe("numbers", () => {
  test.each([
    ["0", 0],
    ["10", 10],
    ["7.0", 7],
    ["1e1", 10],
    ["-0", 0],
  ])("%s is the integer %i", (source, value) => {
    expect(number("integer", source, 0n, 10n)).toEqual({ value, problem: null });
  });

  test.each([
    ["11", "must be from 0 to 10"],
    ["-1", "must be from 0 to 10"],
    ["1e999999999999", "must be from 0 to 10"],
    ["99999999999999999999", "must be from 0 to 10"],
    ["1.5", "expected an integer, found 1.5"],
  ])("%s is none from 0 to 10", (source, message) => {
    expect(number("integer", source, 0n, 10n).problem).toBe(`${message} (line 1, column 1)`);
  });

  test("any integer is taken within its range and refused outside", () => {
    const bound = fc.integer({ min: -1_000, max: 1_000 });
    fc.assert(
      fc.property(fc.integer({ min: -1_100, max: 1_100 }), bound, bound, (value, one, other) => {
        const [least, most] = [Math.min(one, other), Math.max(one, other)];
        const inside = value >= least && value <= most;
        const problem = inside ? null : `must be from ${least} to ${most} (line 1, column 1)`;
        expect(number("integer", String(value), BigInt(least), BigInt(most))).toEqual({ value: inside ? value : least, problem });
      }),
    );
  });

  test.each([
    ["0", 0],
    ["100", 1_000_000],
    ["12.5", 125_000],
    ["0.0001", 1],
    ["0.00005", 1],
    ["0.00004", 0],
    ["1e2", 1_000_000],
  ])("%s percent are %i parts of a million", (source, value) => {
    expect(number("percentage", source)).toEqual({ value, problem: null });
  });

  test.each(["-1", "-0.0001", "100.0001", "101", "1e3", "1e400"])("%s is no percentage", (source) => {
    expect(number("percentage", source)).toEqual({ value: 0, problem: "must be from 0 to 100 (line 1, column 1)" });
  });
});

describe("durations", () => {
  test.each([
    ["0s", 0],
    ["250ms", 250],
    ["1.5s", 1_500],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["0.5h", 1_800_000],
    ["0.0004s", 0],
    ["0.5ms", 1],
    ["0.49999ms", 0],
    ["3999999s", 3_999_999_000],
  ])("%s is %i ms", (source, value) => {
    expect(number("duration", JSON.stringify(source))).toEqual({ value, problem: null });
  });

  test.each([
    "",
    "s",
    "1",
    "1 s",
    " 1s",
    "1s ",
    "-1s",
    "+1s",
    "1d",
    "1S",
    "1ms1s",
    ".5s",
    "1.s",
    "1..5s",
    ".",
    "1e3s",
    "4000001s",
    "2000h",
    "9".repeat(99) + "s",
  ])("%j is none", (source) => {
    const problem = 'expected a duration such as "1.5s" or "250ms" (line 1, column 1)';
    expect(number("duration", JSON.stringify(source))).toEqual({ value: 0, problem });
  });

  test.each([
    ["1ms", 1, null],
    ["1.000000s", 1_000, null],
    ["0.025m", 1_500, null],
    ["1.5ms", 1, "must be a whole number of milliseconds (line 1, column 1)"],
    ["0.0015s", 1, "must be a whole number of milliseconds (line 1, column 1)"],
    ["1.0000001ms", 1, "must be a whole number of milliseconds (line 1, column 1)"],
    ["1", 0, 'expected a duration such as "1.5s" or "250ms" (line 1, column 1)'],
  ])("%s as whole milliseconds: %i, %s", (source, value, problem) => {
    expect(number("wholeMilliseconds", JSON.stringify(source))).toEqual({ value, problem });
  });

  test("any number of a unit is that many milliseconds", () => {
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
    fc.assert(
      fc.property(fc.nat(1_000), fc.constantFrom(...Object.entries(units)), (count, [unit, scale]) => {
        expect(number("duration", `"${count}${unit}"`)).toEqual({ value: count * scale, problem: null });
      }),
    );
  });
});

describe("headers", () => {
  test.each([
    ["X-Request-Id", "x-request-id"],
    [":Path", ":path"],
    ["a!#$%&'*+-.^_`|~9", "a!#$%&'*+-.^_`|~9"],
  ])("%j is the name %j", (source, value) => {
    expect(text("headerName", JSON.stringify(source))).toEqual({ value, problem: null });
  });

  test.each(["", ":", "::a", "a b", "a:", "a\n", "\u0000", "é", "a/b"])("%j is no name", (source) => {
    // Told without what could begin a line of the log.
    const told = source.replace("\n", "\\u000a").replace("\0", "\\u0000");
    expect(text("headerName", JSON.stringify(source)).problem).toBe(`\`${told}\` is no header name (line 1, column 1)`);
  });

  test.each(["", "a", "a b\tc", "é", "%REQ(x)%"])("%j is a value", (source) => {
    expect(text("headerValue", JSON.stringify(source))).toEqual({ value: source, problem: null });
  });

  test.each(["\u0000", "a\rb", "a\n", "\r\nx: y", "\u001b", "\u007f"])("%j is no value", (source) => {
    expect(text("headerValue", JSON.stringify(source)).problem).toMatch(/^cannot stand in a header: .* \(line 1, column 1\)$/);
  });

  test("as keys of a map are told by their path", () => {
    const told = problems('{"name":"a","headers":{"a b":"\\n"}}');
    expect(told).toMatch(/^headers\["a b"\]: `a b` is no header name .*; headers\["a b"\]: cannot stand in a header/);
  });
});

describe("places", () => {
  test("lines and columns are counted from 1", () => {
    expect(problems('{\n  "name": "a",\r\n\n\t"retries": -1\n}')).toBe("retries: must be from 0 to 10 (line 4, column 13)");
  });

  test("a column is a character, however many bytes it has", () => {
    expect(problems('{"name":"é€😀","retries":-1}')).toBe("retries: must be from 0 to 10 (line 1, column 25)");
  });
});

describe("many problems", () => {
  const rules = (count: number) => `{"name":"a","rules":[${Array.from({ length: count }, () => '{"retries":99}').join()}]}`;

  test.each([2, 10])("%i are all told", (count) => {
    const told = problems(rules(count))?.split("; ") ?? [];
    expect(told).toHaveLength(count);
    expect(told.at(-1)).toMatch(new RegExp(`^rules\\[${count - 1}\\]\\.retries: must be from 0 to 10 \\(line 1, column \\d+\\)$`));
  });

  test.each([11, 1_000])("of %i ten are told and the others counted", (count) => {
    const told = problems(rules(count))?.split("; ") ?? [];
    expect(told).toHaveLength(11);
    expect(told.at(-1)).toBe(`and ${count - 10} more`);
  });
});

describe("nothing traps", () => {
  const readers = ["document", "percentage", "duration", "wholeMilliseconds", "headerName", "headerValue"];
  const readAll = (source: string) => {
    for (const name of readers) calls.number(name, source);
    calls.number("integer", source, 0n, 10n);
  };

  test("on random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const source = Buffer.from(bytes).toString("latin1");
        readAll(source);
        readAll(`{"${source}":0}`);
      }),
      { numRuns: 500 },
    );
  });

  test("on any JSON", () => {
    fc.assert(
      fc.property(fc.json(), (source) => readAll(latin1(source))),
      { numRuns: 300 },
    );
  });

  test("on the right names with any values", () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom("1s", "9h", "1.5ms", "x-a"),
    );
    const names = fc.constantFrom("name", "percentage", "timeout", "retries", "enabled", "headers", "rules", "uri", "host", "nmae");
    fc.assert(
      fc.property(fc.dictionary(names, value), fc.array(fc.dictionary(fc.constantFrom("header", "retries"), value)), (source, rules) => {
        calls.number("document", latin1(JSON.stringify(source)));
        calls.number("document", latin1(JSON.stringify({ ...source, rules })));
      }),
      { numRuns: 500 },
    );
  });
});
