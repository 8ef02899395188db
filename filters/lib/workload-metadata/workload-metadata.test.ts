import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

// A second implementation of google.protobuf.Struct, after https://protobuf.dev/programming-guides/encoding/.

type Struct = ReadonlyArray<readonly [key: string, value: string | number | boolean | null | Struct]>;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

const sized = (tag: number, content: Buffer) => Buffer.concat([Buffer.from([tag]), varint(content.length), content]);

function valueOf(value: Struct[number][1]): Buffer {
  if (value === null) return Buffer.from([0x08, 0]);
  if (typeof value === "boolean") return Buffer.from([0x20, value ? 1 : 0]);
  if (typeof value === "string") return sized(0x1a, Buffer.from(value, "latin1"));
  if (typeof value !== "number") return sized(0x2a, structOf(value));
  const bytes = Buffer.alloc(9, 0x11);
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

function structOf(struct: Struct): Buffer {
  return Buffer.concat(
    struct.map(([key, value]) => sized(0x0a, Buffer.concat([sized(0x0a, Buffer.from(key, "latin1")), sized(0x12, valueOf(value))]))),
  );
}

const FIELDS = [
  "WORKLOAD_NAME",
  "NAMESPACE",
  "service.istio.io/canonical-name",
  "service.istio.io/canonical-revision",
  "app",
  "version",
  "CLUSTER_ID",
];
const LABELS = FIELDS.slice(2, 6);

const decode = (header: string) => calls.text("decode", header)?.split("\t").slice(0, -1) ?? null;
const encode = (values: readonly string[], instance = "", owner = "") =>
  calls.text("encode", values.map((value) => `${value}\t`).join(""), instance, owner);

/** What Istio's proxy would send for these values: sorted keys. */
function header(values: readonly string[], instance = "", owner = ""): string {
  const known = Object.fromEntries(FIELDS.map((name, i) => [name, values[i] ?? ""]));
  const entries = (names: readonly string[]) =>
    names.filter((name) => known[name] !== "").map((name) => [name, known[name] ?? ""] as const);
  const labels = entries(LABELS).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const all: Struct = [
    ...entries(FIELDS.filter((name) => !LABELS.includes(name))),
    ...(labels.length === 0 ? [] : [["LABELS", labels] as const]),
    ...(instance === "" ? [] : [["NAME", instance] as const]),
    ...(owner === "" ? [] : [["OWNER", owner] as const]),
  ];
  return structOf(all.toSorted(([a], [b]) => (a < b ? -1 : 1))).toString("base64");
}

const REVIEWS = ["reviews-v1", "default", "reviews", "v1", "reviews", "v1", "Kubernetes"];
const OWNER = "kubernetes://apis/apps/v1/namespaces/default/deployments/reviews-v1";

test("what Istio's proxy sends for Bookinfo's reviews-v1 is written and read", () => {
  const expected = header(REVIEWS, "reviews-v1-545db77b95-kczqw", OWNER);
  expect(encode(REVIEWS, "reviews-v1-545db77b95-kczqw", OWNER)).toBe(expected);
  expect(decode(expected)).toEqual(REVIEWS);
  expect(decode(expected.replace(/=+$/, ""))).toEqual(REVIEWS);
});

const byte = fc.integer({ min: 0, max: 255 }).filter((code) => code !== 9);
const value = fc.string({ unit: byte.map((code) => String.fromCharCode(code)), maxLength: 253 });

test("whatever the values are, they are written as by a second implementation, and read again", () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 7, maxLength: 7 }), value, value, (values, instance, owner) => {
      const written = encode(values, instance, owner);
      expect(written).toBe(header(values, instance, owner));
      expect(decode(written ?? "")).toEqual(values);
    }),
  );
});

describe("what others add", () => {
  const known: Struct = [["WORKLOAD_NAME", "w"]];
  const none = ["", "", "", "", "", ""];

  test.each<readonly [string, Struct]>([
    ["other fields of every type", [["a", 1.5], ["b", true], ["c", null], ["d", [["e", "f"]]], ...known]],
    [
      "other labels of every type",
      [
        [
          "LABELS",
          [
            ["x", 1],
            ["y", [["z", "1"]]],
          ],
        ],
        ...known,
      ],
    ],
    ["a field of another type", [["NAMESPACE", 7], ["CLUSTER_ID", [["a", "b"]]], ["LABELS", "none"], ...known]],
    ["the same key twice: the last one counts", [["WORKLOAD_NAME", "first"], ...known]],
    ["a value that is too long", [["NAMESPACE", "x".repeat(254)], ...known]],
  ])("%s", (_, struct) => {
    expect(decode(structOf(struct).toString("base64"))).toEqual(["w", ...none]);
  });
});

describe("no metadata", () => {
  test.each([
    ["no base64", "%%%"],
    ["base64url", Buffer.from([0x0a, 0x02, 0xfb, 0xff]).toString("base64url")],
    ["a length that leads beyond the end", Buffer.from([0x0a, 0x05, 0x0a]).toString("base64")],
    ["a length of 2^63", Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]).toString("base64")],
    ["a varint without an end", Buffer.from([0x08, ...Array.from({ length: 12 }, () => 0xff)]).toString("base64")],
    ["a group", Buffer.from([0x0b, 0x0c]).toString("base64")],
    ["an entry that is none", sized(0x0a, Buffer.from([0x0a, 0x09])).toString("base64")],
    [
      "a value that is none",
      structOf([["WORKLOAD_NAME", "w"]])
        .subarray(0, -1)
        .toString("base64"),
    ],
    ["8,193 characters", "A".repeat(8_193)],
  ])("%s", (_, text) => {
    expect(decode(text)).toBeNull();
  });

  test("bytes of any kind are read or not, and never trap", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decode(Buffer.from(bytes).toString("base64"))));
    const good = Buffer.from(header(REVIEWS), "base64");
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, code) => {
        const bytes = Buffer.from(good);
        bytes[at] = code;
        decode(bytes.toString("base64"));
      }),
    );
  });

  test("nothing says nothing", () => {
    expect(decode("")).toEqual(["", "", "", "", "", "", ""]);
  });
});

test("reading allocates nothing", () => {
  expect(calls.growth("decode", header(REVIEWS))).toBe(0);
});
