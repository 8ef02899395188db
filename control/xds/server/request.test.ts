import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DeltaDiscoveryRequestSchema, DiscoveryRequestSchema } from "../../envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { XdsError } from "./error.ts";
import { readRequest } from "./request.ts";

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((text) => text.isWellFormed() && !text.includes("\ufffd"));
const error = fc.option(fc.record({ code: fc.nat(16), message: name }), { nil: undefined });

test("reads what Envoy's own code wrote, incremental", () => {
  const request = fc.record({
    typeUrl: name,
    responseNonce: fc.oneof(fc.constant(""), name),
    resourceNamesSubscribe: fc.array(name),
    resourceNamesUnsubscribe: fc.array(name),
    initialResourceVersions: fc.dictionary(name, name),
    errorDetail: error,
    node: fc.option(fc.record({ id: name, cluster: name }), { nil: undefined }),
  });
  fc.assert(
    fc.property(request, ({ errorDetail, node, ...fields }) => {
      const optional = { ...(errorDetail === undefined ? {} : { errorDetail }), ...(node === undefined ? {} : { node }) };
      const read = readRequest(
        "delta",
        Buffer.from(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { ...fields, ...optional }))),
      );
      expect(read).toMatchObject({
        typeUrl: fields.typeUrl,
        nonce: fields.responseNonce,
        names: fields.resourceNamesSubscribe,
        unsubscribe: fields.resourceNamesUnsubscribe,
      });
      expect(new Map(Object.entries(fields.initialResourceVersions))).toEqual(read.initialVersions);
      expect(read.error).toEqual(errorDetail);
      expect(read.node === undefined).toBe(node === undefined);
    }),
  );
});

test("reads what Envoy's own code wrote, state of the world", () => {
  const request = fc.record({ typeUrl: name, responseNonce: name, versionInfo: name, resourceNames: fc.array(name), errorDetail: error });
  fc.assert(
    fc.property(request, ({ errorDetail, ...fields }) => {
      const message = create(DiscoveryRequestSchema, { ...fields, ...(errorDetail === undefined ? {} : { errorDetail }) });
      const read = readRequest("sotw", Buffer.from(toBinary(DiscoveryRequestSchema, message)));
      expect(read).toMatchObject({
        typeUrl: fields.typeUrl,
        nonce: fields.responseNonce,
        version: fields.versionInfo,
        names: fields.resourceNames,
      });
      expect(read.error).toEqual(errorDetail);
    }),
  );
});

/** Fields of every wire type that are in no version of the messages, with numbers of one byte and of two. */
const UNKNOWN = [15, 1000].map((field) =>
  new BinaryWriter()
    .tag(field, WireType.Varint)
    .uint32(300)
    .tag(field, WireType.Bit64)
    .fixed64(1n)
    .tag(field, WireType.LengthDelimited)
    .string("text".repeat(100))
    .tag(field, WireType.LengthDelimited)
    .string("")
    .tag(field, WireType.Bit32)
    .fixed32(1)
    .finish(),
);

test("fields that a later version of the messages has are passed over", () => {
  const fields = {
    typeUrl: "type",
    responseNonce: "1",
    errorDetail: { code: 3, message: "no", details: [{ typeUrl: "any", value: Buffer.from("value") }] },
  };
  const incremental = toBinary(
    DeltaDiscoveryRequestSchema,
    create(DeltaDiscoveryRequestSchema, { ...fields, resourceNamesSubscribe: ["a"] }),
  );
  const whole = toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { ...fields, resourceNames: ["a"] }));
  for (const unknown of UNKNOWN) {
    for (const [variant, known] of [
      ["delta", incremental],
      ["sotw", whole],
    ] as const) {
      const read = readRequest(variant, Buffer.concat([unknown, known, unknown]));
      expect(read).toMatchObject({ typeUrl: "type", nonce: "1", names: ["a"], error: { code: 3, message: "no" } });
    }
  }
});

test("long lists of names have a digest, whatever else the request says", () => {
  const resourceNames = Array.from({ length: 100 }, (_, i) => `outbound|80||service-${i}`);
  const read = (fields: object) =>
    readRequest("sotw", Buffer.from(toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, fields))));
  const first = read({ resourceNames, typeUrl: "a" });
  expect(first.namesDigest).toBeTypeOf("string");
  expect(read({ resourceNames, typeUrl: "a", responseNonce: "7", versionInfo: "long ago", node: { id: "n" } }).namesDigest).toBe(
    first.namesDigest,
  );
  expect(read({ resourceNames: resourceNames.slice(1), typeUrl: "a" }).namesDigest).not.toBe(first.namesDigest);
  expect(read({ resourceNames: ["few"], typeUrl: "a" }).namesDigest).toBeUndefined();
});

test("an error without code and message is a NACK all the same", () => {
  expect(readRequest("delta", Buffer.from([0x3a, 0])).error).toEqual({ code: 0, message: "" });
});

test.each(["delta", "sotw"] as const)("garbage throws an error of ours or is read, and never anything else (%s)", (variant) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        readRequest(variant, Buffer.from(bytes));
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(XdsError);
        expect((thrown as XdsError).code).toBe("INVALID_ARGUMENT");
      }
    }),
    { numRuns: 2000 },
  );
});

describe("is strict about", () => {
  test.each([
    ["a length beyond the end", [0x12, 0x7f, 0x61], /at byte 2: field 2 ends behind the message/],
    ["a number that is cut off", [0x80], /a number is cut off/],
    ["a number without an end", Array<number>(11).fill(0x80), /more than 10 bytes/],
    ["field number 0", [0x02, 0x00], /field number 0/],
    ["a group", [0x7b], /wire type 3/],
    ["a name of another wire type", [0x18, 0x01], /field 3 has wire type 0/],
    ["a name that is no UTF-8", [0x1a, 0x01, 0xff], /field 3 is not UTF-8/],
    ["an empty name", [0x1a, 0x00], /a resource name is empty/],
    ["resource locators", [0x42, 0x00], /xdstp/],
  ])("%s", (_, bytes, message) => {
    expect(() => readRequest("delta", Buffer.from(bytes)).names).toThrow(message);
  });

  test("the length of names", () => {
    const request = create(DeltaDiscoveryRequestSchema, { resourceNamesSubscribe: ["x".repeat(8193)] });
    expect(() => readRequest("delta", Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request))).names).toThrow(
      /8193 bytes, 8192 are allowed/,
    );
  });
});

test("a reason is cut where it is too long to be kept", () => {
  const request = create(DeltaDiscoveryRequestSchema, { errorDetail: { code: 3, message: "x".repeat(10_000) } });
  expect(readRequest("delta", Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request))).error?.message).toHaveLength(8192);
});
