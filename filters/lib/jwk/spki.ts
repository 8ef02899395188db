import { arena, Bytes, Text } from "../bytes";

// SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7) in DER, which is how hosts want public keys.

/** AlgorithmIdentifier of rsaEncryption (RFC 3279, section 2.3.1). */
const RSA: usize = memory.data<u8>([0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00]);
/** AlgorithmIdentifier of id-ecPublicKey with prime256v1, secp384r1, secp521r1 (RFC 5480, section 2.1). */
const P256: usize = memory.data<u8>([
  0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
]);
const P384: usize = memory.data<u8>([
  0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22,
]);
const P521: usize = memory.data<u8>([
  0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23,
]);

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/** The key of a modulus and an exponent, both big-endian and positive. */
export function rsaPublicKeyInfo(modulus: Bytes, exponent: Bytes): Text {
  const numbers = join(derInteger(modulus), derInteger(exponent));
  return Text.from(tagged(SEQUENCE, join(Bytes.view(RSA, 15), bitString(tagged(SEQUENCE, numbers)))));
}

/** The key of a point, not compressed. `coordinateLength` is 32, 48 or 66 and tells the curve. */
export function ecPublicKeyInfo(x: Bytes, y: Bytes): Text {
  const identifier = x.length == 32 ? Bytes.view(P256, 21) : Bytes.view(x.length == 48 ? P384 : P521, 18);
  const point = arena.allocate(1);
  store<u8>(point, 4);
  return Text.from(tagged(SEQUENCE, join(identifier, bitString(join(Bytes.view(point, 1), join(x, y))))));
}

/** A signature `r || s` (RFC 7518, section 3.4) as DER's `SEQUENCE { r, s }` (RFC 3279, section 2.2.3), in the arena. */
export function ecSignature(raw: Bytes): Bytes {
  const half = raw.length >> 1;
  return tagged(SEQUENCE, join(derInteger(raw.slice(0, half)), derInteger(raw.slice(half))));
}

/** The shortest encoding, with a zero in front where the sign bit is set. */
function derInteger(number: Bytes): Bytes {
  let start = 0;
  while (start < number.length - 1 && number[start] == 0) start++;
  const digits = number.slice(start);
  if (digits.length > 0 && digits[0] < 0x80) return tagged(INTEGER, digits);
  const zero = arena.allocate(1);
  store<u8>(zero, 0);
  return tagged(INTEGER, join(Bytes.view(zero, 1), digits));
}

function bitString(content: Bytes): Bytes {
  const unusedBits = arena.allocate(1);
  store<u8>(unusedBits, 0);
  return tagged(BIT_STRING, join(Bytes.view(unusedBits, 1), content));
}

function tagged(tag: u8, content: Bytes): Bytes {
  const length = content.length;
  const header = length < 0x80 ? 2 : length < 0x100 ? 3 : 4;
  const start = arena.allocate(<usize>(header + length));
  store<u8>(start, tag);
  if (header == 2) {
    store<u8>(start, <u8>length, 1);
  } else if (header == 3) {
    store<u8>(start, 0x81, 1);
    store<u8>(start, <u8>length, 2);
  } else {
    store<u8>(start, 0x82, 1);
    store<u8>(start, <u8>(length >> 8), 2);
    store<u8>(start, <u8>length, 3);
  }
  memory.copy(start + <usize>header, content.pointer, <usize>length);
  return Bytes.view(start, header + length);
}

function join(left: Bytes, right: Bytes): Bytes {
  const start = arena.allocate(<usize>(left.length + right.length));
  memory.copy(start, left.pointer, <usize>left.length);
  memory.copy(start + <usize>left.length, right.pointer, <usize>right.length);
  return Bytes.view(start, left.length + right.length);
}
