import { BlockList, isIP } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

describe("a range", () => {
  test.each([
    ["10.0.0.0/8", 8],
    ["10.1.2.3", 32],
    ["::/0", 0],
    ["::1", 128],
    ["10.0.0.0/33", -1],
    ["::/129", -1],
    ["10.0.0.0/", -1],
    ["10.0.0.0/08", -1],
    ["10.0.0.0/+8", -1],
    ["10.0.0.0/8/8", -1],
    ["10.0.0/8", -1],
    ["/8", -1],
    ["", -1],
  ])("%j has the prefix length %i", (text, expected) => {
    expect(calls.number("prefixLength", text)).toBe(expected);
  });

  test.each([
    ["10.1.2.3/8", "10.200.0.1", true],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["10.0.0.1", "10.0.0.2", false],
    ["2001:db8::/33", "2001:db8:7fff::", true],
    ["2001:db8::/33", "2001:db8:8000::", false],
    ["::/64", "0:0:0:1::", false],
    ["::/65", "::8000:0:0:0", false],
    ["10.0.0.0/8", "::ffff:10.0.0.1", false],
    ["::/0", "10.0.0.1", false],
    ["::ffff:10.0.0.0/104", "::ffff:10.0.0.1", true],
  ])("%j contains %j: %j", (range, address, contains) => {
    expect(calls.bool("rangeContains", range, address)).toBe(contains);
  });
});

// Few distinct bits, so that ranges meet, nest and touch, and addresses fall on their edges.
const address = fc.oneof(
  fc
    .tuple(fc.constantFrom(10, 11, 255), fc.constantFrom(0, 1, 255), fc.constantFrom(0, 128, 255), fc.nat(255))
    .map((parts) => parts.join(".")),
  fc.array(fc.constantFrom("0", "1", "8000", "ffff"), { minLength: 8, maxLength: 8 }).map((groups) => groups.join(":")),
);
const range = fc.tuple(address, fc.nat(128)).map(([text, length]) => `${text}/${isIP(text) === 4 ? length % 33 : length}`);

function family(text: string): "ipv4" | "ipv6" {
  return isIP(text) === 4 ? "ipv4" : "ipv6";
}

describe("a set of ranges", () => {
  test("contains what a BlockList contains", () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 30 }), fc.array(address, { minLength: 20, maxLength: 20 }), (ranges, addresses) => {
        // One for each version: Node finds 10.0.0.0 in ::/0 and ::ffff:10.0.0.1 in 10.0.0.0/8, Envoy does neither.
        const oracle = { ipv4: new BlockList(), ipv6: new BlockList() };
        calls.number("clear");
        for (const each of ranges) {
          const [text = "", length] = each.split("/");
          oracle[family(text)].addSubnet(text, Number(length), family(text));
          expect(calls.bool("add", each)).toBe(true);
        }
        calls.number("build");
        const edges = ranges.map((each) => each.split("/")[0] ?? "");
        for (const each of [...addresses, ...edges]) {
          expect([each, calls.bool("setContains", each)]).toEqual([each, oracle[family(each)].check(each, family(each))]);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("joins ranges that overlap or touch, and grows when more are added", () => {
    calls.number("clear");
    for (const each of ["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "11.0.0.1", "ffff::/16", "::/0"]) calls.bool("add", each);
    expect(calls.number("build")).toBe(3);
    expect(calls.bool("setContains", "10.255.0.0")).toBe(true);
    calls.bool("add", "11.0.0.0");
    expect(calls.number("build")).toBe(2);
    expect(calls.bool("setContains", "11.0.0.0")).toBe(true);
  });

  test("takes nothing that is no range, and is empty at first", () => {
    calls.number("clear");
    expect(calls.bool("add", "10.0.0.0/99")).toBe(false);
    expect(calls.number("build")).toBe(0);
    expect(calls.bool("setContains", "10.0.0.0")).toBe(false);
  });
});
