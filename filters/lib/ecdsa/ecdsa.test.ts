import { createECDH, createHash, createPublicKey, generateKeyPairSync, sign, verify as verifyByNode } from "node:crypto";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

// With node:crypto as the oracle.

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const setKey = (curve: number, x: Uint8Array, y: Uint8Array) => calls.bool("setKey", curve, latin1(x), latin1(y));
const verify = (message: Uint8Array, signature: Uint8Array) => calls.bool("verify", latin1(message), latin1(signature));
const fromBase64 = (text = "") => Buffer.from(text, "base64url");
const fixed = (number: bigint, length: number) => Buffer.from(number.toString(16).padStart(length * 2, "0"), "hex");
const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);

const positive = (value: bigint, modulus: bigint) => ((value % modulus) + modulus) % modulus;

function powerOf(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = positive(base, modulus), left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

const inverse = (value: bigint, prime: bigint) => powerOf(value, prime - 2n, prime);

type Point = readonly [x: bigint, y: bigint];

/** The sum of two points that are not each other's negative, on a curve with a = -3. */
function sum([x1, y1]: Point, [x2, y2]: Point, prime: bigint): Point {
  const slope = x1 === x2 ? (3n * x1 * x1 - 3n) * inverse(2n * y1, prime) : (y2 - y1) * inverse(x2 - x1, prime);
  const x = positive(slope * slope - x1 - x2, prime);
  return [x, positive(slope * (x1 - x) - y1, prime)];
}

function multiple(scalar: bigint, point: Point, prime: bigint): Point {
  let result: Point | undefined;
  for (let double = point, left = scalar; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = result === undefined ? double : sum(result, double, prime);
    double = sum(double, double, prime);
  }
  return result ?? expect.fail("infinity");
}

test("the example of RFC 7515, appendix A.3", () => {
  const x = fromBase64("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
  const y = fromBase64("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
  expect(setKey(0, x, y)).toBe(true);
  const message = Buffer.from(
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
  );
  const signature = fromBase64("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
  expect(verify(message, signature)).toBe(true);
  expect(verify(Buffer.from("x"), signature)).toBe(false);
});

const CURVES = [
  [
    "P-256",
    0,
    32,
    "sha256",
    2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551",
  ],
  [
    "P-384",
    1,
    48,
    "sha384",
    2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
  ],
  [
    "P-521",
    2,
    66,
    "sha512",
    2n ** 521n - 1n,
    "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409",
  ],
] as const;

describe.each(CURVES)("%s", (name, curve, length, hash, prime, orderText) => {
  const order = BigInt(`0x${orderText}`);
  const made = () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: name });
    const jwk = publicKey.export({ format: "jwk" });
    return { privateKey, x: fromBase64(jwk.x), y: fromBase64(jwk.y) };
  };
  const node = { "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1" }[name];
  const pointOf = (secret: bigint): Point => {
    const pair = createECDH(node);
    pair.setPrivateKey(fixed(secret, length));
    const encoded = pair.getPublicKey();
    return [number(encoded.subarray(1, length + 1)), number(encoded.subarray(length + 1))];
  };
  const bothSay = ([x, y]: Point, text: Uint8Array, r: bigint, s: bigint) => {
    const signature = Buffer.concat([fixed(r, length), fixed(s, length)]);
    const jwk = { kty: "EC", crv: name, x: fixed(x, length).toString("base64url"), y: fixed(y, length).toString("base64url") };
    const oracle = verifyByNode(hash, text, { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" }, signature);
    expect(setKey(curve, fixed(x, length), fixed(y, length))).toBe(true);
    expect(verify(text, signature)).toBe(oracle);
    return oracle;
  };
  const key = made();
  const message = Buffer.from("message");
  const signed = (text: Uint8Array, by = key) => sign(hash, text, { key: by.privateKey, dsaEncoding: "ieee-p1363" });

  test("signatures of several keys and messages", () => {
    for (let i = 0; i < 4; i++) {
      const other = made();
      expect(setKey(curve, other.x, other.y)).toBe(true);
      for (const text of [Buffer.alloc(0), Buffer.alloc(i * 37, i), message]) {
        const signature = signed(text, other);
        expect(verify(text, signature)).toBe(true);
        expect(verify(Buffer.concat([text, Buffer.from("x")]), signature)).toBe(false);
        expect(verify(text, signed(text))).toBe(false);
      }
    }
  });

  test("a signature that is changed anywhere is none", () => {
    setKey(curve, key.x, key.y);
    const signature = signed(message);
    for (let bit = 0; bit < length * 16; bit += 23) {
      const wrong = Buffer.from(signature);
      wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verify(message, wrong)).toBe(false);
    }
  });

  test("r and s of 0, of the order or above it, and other lengths are refused", () => {
    setKey(curve, key.x, key.y);
    const signature = signed(message);
    expect(verify(message, signature)).toBe(true);
    const r = signature.subarray(0, length);
    const s = signature.subarray(length);
    const most = Buffer.alloc(length, 0xff);
    for (const bad of [0n, order, order + 1n, prime].map((value) => fixed(value, length)).concat([most])) {
      expect(verify(message, Buffer.concat([bad, s]))).toBe(false);
      expect(verify(message, Buffer.concat([r, bad]))).toBe(false);
      expect(verify(message, Buffer.concat([bad, bad]))).toBe(false);
    }
    for (const wrong of [
      Buffer.alloc(0),
      r,
      signature.subarray(1),
      Buffer.concat([signature, Buffer.alloc(1)]),
      Buffer.concat([Buffer.alloc(2), signature]),
    ])
      expect(verify(message, wrong)).toBe(false);
    // ECDSA itself takes both (r, s) and (r, n - s), and RFC 7518 does not forbid it.
    expect(verify(message, Buffer.concat([r, fixed(order - number(s), length)]))).toBe(true);
  });

  test("keys that are no points of the curve are refused", () => {
    const { x, y } = key;
    const zero = Buffer.alloc(length);
    expect(setKey(curve, x, fixed(prime - number(y), length))).toBe(true);
    for (const [badX, badY] of [
      [y, x],
      [zero, zero],
      [x, zero],
      [x, fixed(number(y) ^ 1n, length)],
      [fixed(prime, length), y],
      [Buffer.alloc(length, 0xff), Buffer.alloc(length, 0xff)],
      [x.subarray(1), y],
      [x, Buffer.concat([Buffer.alloc(1), y])],
      [Buffer.alloc(0), Buffer.alloc(0)],
    ] as const) {
      expect(setKey(curve, badX, badY)).toBe(false);
      expect(verify(message, signed(message))).toBe(false);
    }
  });

  test("keys that are small multiples of the base point, where both sums of a step meet", () => {
    const digest = number(createHash(hash).update(message).digest());
    for (const secret of [1n, 2n, 16n, order - 1n, (order + 1n) / 2n]) {
      const point = pointOf(secret);
      for (const nonce of [1n, 16n, order - 1n]) {
        const r = pointOf(nonce)[0] % order;
        const s = positive(inverse(nonce, order) * (digest + r * secret), order);
        expect(bothSay(point, message, r, s)).toBe(true);
        expect(bothSay(point, message, r, positive(s + 1n, order))).toBe(false);
      }
      // u1 + u2·secret = 0: the sum is the point at infinity, which has no x.
      const r = positive(-digest * inverse(secret, order), order);
      for (const s of [1n, digest % order]) expect(bothSay(point, message, r, s)).toBe(false);
    }
  });

  test("a point whose x is not below the order has x - n as r", () => {
    const [baseX, baseY] = pointOf(1n);
    const b = positive(baseY * baseY - baseX ** 3n + 3n * baseX, prime);
    let x = order;
    let y = 0n;
    do {
      x += 1n;
      const square = positive(x ** 3n - 3n * x + b, prime);
      y = powerOf(square, (prime + 1n) / 4n, prime);
      if (positive(y * y - square, prime) !== 0n) y = 0n;
    } while (y === 0n);
    expect(x < prime).toBe(true);
    // The key whose signature (r, s) is: Q = (s·R - e·G)/r.
    const r = x - order;
    const digest = number(createHash(hash).update(message).digest());
    const point = sum(
      multiple(inverse(r, order), multiple(2n, [x, y], prime), prime),
      multiple(positive(-digest * inverse(r, order), order), [baseX, baseY], prime),
      prime,
    );
    expect(bothSay(point, message, r, 2n)).toBe(true);
    expect(bothSay(point, message, r + 1n, 2n)).toBe(false);
    expect(setKey(curve, fixed(point[0], length), fixed(point[1], length))).toBe(true);
    expect(verify(message, Buffer.concat([fixed(x, length), fixed(2n, length)]))).toBe(false);
  });
});
