import { isIP, SocketAddress } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Assembly, loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let assembly: Assembly;
let calls: ByteCalls;

beforeAll(async () => {
  assembly = await loadAssembly(join(import.meta.dirname, "testing.ts"));
  calls = new ByteCalls(assembly);
});

/** Node's verdict, without the zones that it takes: `fe80::1%eth0`. */
function version(text: string): number {
  return text.includes("%") ? 0 : isIP(text);
}

/** The bits of the address as one number. */
function bits(text: string): bigint {
  const half = (high: number): bigint => {
    const { pointer, length } = assembly.write(text);
    return BigInt.asUintN(64, BigInt(assembly.exports["bits"]?.(pointer, length, high) ?? 0));
  };
  return (half(1) << 64n) | half(0);
}

describe("an address", () => {
  test.each([
    ["0.0.0.0", 4],
    ["255.255.255.255", 4],
    ["256.0.0.1", 0],
    ["01.2.3.4", 0],
    ["1.2.3", 0],
    ["1.2.3.4.", 0],
    ["1.2.3.4 ", 0],
    ["0x1.2.3.4", 0],
    ["16909060", 0],
    ["", 0],
    ["::", 6],
    ["::1", 6],
    ["1::", 6],
    ["1:2:3:4:5:6:7:8", 6],
    ["1:2:3:4:5:6:7::", 6],
    ["::2:3:4:5:6:7:8", 6],
    ["1:2:3:4::5:6:7:8", 0],
    ["1:2:3:4:5:6:7:8:9", 0],
    ["1:2:3:4:5:6:7", 0],
    ["::ffff:10.0.0.1", 6],
    ["1:2:3:4:5:6:1.2.3.4", 6],
    ["1:2:3:4:5:6:7:1.2.3.4", 0],
    ["::1.2.3", 0],
    ["::01.2.3.4", 0],
    [":::", 0],
    ["1:::2", 0],
    ["1::2::3", 0],
    [":1", 0],
    ["1:", 0],
    [":", 0],
    ["::12345", 0],
    ["::g", 0],
    ["[::1]", 0],
    ["fe80::1%eth0", 0],
    ["1.2.3.4:", 0],
  ])("%j has the version %i", (text, expected) => {
    expect(calls.number("version", text)).toBe(expected);
    expect(version(text)).toBe(expected);
  });

  test("of any text is one where Node takes it for one", () => {
    const part = fc.constantFrom(":", ":", "::", ".", "0", "1", "12", "255", "256", "abcd", "F", "%", " ", "\u0000", "1.2.3.4");
    const text = fc.array(part, { maxLength: 17 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (input) => {
        expect(calls.number("version", input)).toBe(version(input));
      }),
      { numRuns: 2000 },
    );
  });

  test("has the bits of its groups", () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        fc.pre(version(text) === 6);
        // Node writes the shortest form; its groups are then spelled out.
        const canonical = new SocketAddress({ address: text, family: "ipv6" }).address;
        expect(bits(text)).toBe(bits(canonical));
        expect(bits(text)).toBe(groups(text));
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(bits(text)).toBe(BigInt(`0x${Buffer.from(text.split(".").map(Number)).toString("hex")}`));
      }),
    );
  });
});

/** The number behind an IPv6 address, read by its groups. */
function groups(text: string): bigint {
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...octets: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = octets.map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [before = "", after] = plain.split("::");
  const list = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const tail = list(after ?? "");
  const head = list(before);
  const all = [...head, ...Array.from({ length: after === undefined ? 0 : 8 - head.length - tail.length }, () => "0"), ...tail];
  return all.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}
