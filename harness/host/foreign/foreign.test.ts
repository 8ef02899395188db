import { createHash, createPrivateKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { scriptedHost } from "../testing/scripted-host.ts";
import { bytesField, readMessage, writeMessage } from "./protobuf.ts";

/** Calls a foreign function and gives status and results. */
async function call(name: string, parameters: Uint8Array): Promise<{ status: number; results: Buffer }> {
  const { chain, logged } = await scriptedHost(`request_headers: foreign ${name} ${Buffer.from(parameters).toString("hex")}`);
  chain.request({ path: "/" });
  const [, status, hex] = / = (\d+):(.*)$/.exec(logged()[0] ?? "") ?? [];
  return { status: Number(status), results: Buffer.from(hex ?? "", "hex") };
}

const TEXT = Buffer.from("header.payload");
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });

describe("verify_signature", () => {
  test.each([
    ["RS256", rsa, "sha256"],
    ["RS512", rsa, "sha512"],
    ["ES256 in DER", ec, "sha256"],
  ])("accepts a good %s signature", async (_name, keys, hash) => {
    const spki = keys.publicKey.export({ format: "der", type: "spki" });
    const { status, results } = await call(
      "verify_signature",
      writeMessage([
        [1, hash],
        [2, spki],
        [3, sign(hash, TEXT, keys.privateKey)],
        [4, TEXT],
      ]),
    );
    expect({ status, results: results.toString("hex") }).toEqual({ status: 0, results: "0801" });
  });

  test("tells why it refuses", async () => {
    const pem = rsa.publicKey.export({ format: "pem", type: "spki" }).toString();
    const wrong = await call(
      "verify_signature",
      writeMessage([
        [1, "sha256"],
        [3, Buffer.alloc(256)],
        [4, TEXT],
        [5, pem],
      ]),
    );
    expect(bytesField(readMessage(wrong.results) ?? new Map(), 2).length).toBeGreaterThan(0);
    const hash = await call(
      "verify_signature",
      writeMessage([
        [1, "md4"],
        [3, Buffer.alloc(256)],
        [4, TEXT],
        [5, pem],
      ]),
    );
    expect(hash.results.toString()).toContain("md4 is not supported");
  });

  test("takes one key", async () => {
    const pem = rsa.publicKey.export({ format: "pem", type: "spki" }).toString();
    const spki = rsa.publicKey.export({ format: "der", type: "spki" });
    expect(
      (
        await call(
          "verify_signature",
          writeMessage([
            [1, "sha256"],
            [2, spki],
            [5, pem],
          ]),
        )
      ).status,
    ).toBe(2);
    expect(
      (
        await call(
          "verify_signature",
          writeMessage([
            [1, "sha256"],
            [2, Buffer.from("no key")],
          ]),
        )
      ).status,
    ).toBe(2);
    expect((await call("verify_signature", Uint8Array.of(0xff))).status).toBe(2);
  });
});

test("sign makes what verifies", async () => {
  const pkcs8 = ec.privateKey.export({ format: "der", type: "pkcs8" });
  const { results } = await call(
    "sign",
    writeMessage([
      [1, "sha256"],
      [2, pkcs8],
      [3, TEXT],
    ]),
  );
  const signature = bytesField(readMessage(results) ?? new Map(), 2);
  expect(verify("sha256", TEXT, createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }), signature)).toBe(true);
});

test("uncompress undoes compress; nonsense is a serialisation failure", async () => {
  const text = createHash("sha512").update("x").digest("hex").repeat(20);
  const compressed = await call("compress", Buffer.from(text));
  expect(compressed.results.length).toBeLessThan(text.length);
  expect((await call("uncompress", compressed.results)).results.toString()).toBe(text);
  expect((await call("uncompress", Buffer.from("nonsense"))).status).toBe(3);
});

test("a declared read-only property is set once", async () => {
  const declared = Buffer.from(
    writeMessage([
      [1, "p"],
      [2, true],
    ]),
  ).toString("hex");
  const { chain, logged } = await scriptedHost(
    `configure: foreign declare_property ${declared}\nrequest_headers: setprop p 1\nrequest_headers: setprop p 2\nrequest_headers: prop p`,
  );
  chain.request({ path: "/" });
  expect(logged().slice(1)).toEqual(["setprop p 2 = 2", "prop p = 0:1"]);
});

test("set_envoy_filter_state knows the keys that Envoy registered", async () => {
  expect(
    (
      await call(
        "set_envoy_filter_state",
        writeMessage([
          [1, "envoy.string"],
          [2, "x"],
        ]),
      )
    ).status,
  ).toBe(0);
  expect(
    (
      await call(
        "set_envoy_filter_state",
        writeMessage([
          [1, "mine"],
          [2, "x"],
        ]),
      )
    ).status,
  ).toBe(1);
});

test("CEL says that it is not supported", async () => {
  await expect(call("expr_create", Buffer.from("1"))).rejects.toMatchObject({
    code: "not-supported",
    message: expect.stringContaining("expr_create"),
  });
});
