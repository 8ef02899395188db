import { Bytes } from "../bytes";
import { Hash } from "../sha2";

/** The signature algorithms of JOSE (RFC 7518, section 3.1; RFC 8037). In threes, one for each hash, so that family and hash can be computed. */
export const enum Algorithm {
  Unknown = -1,
  RS256 = 0,
  RS384 = 1,
  RS512 = 2,
  PS256 = 3,
  PS384 = 4,
  PS512 = 5,
  ES256 = 6,
  ES384 = 7,
  ES512 = 8,
  HS256 = 9,
  HS384 = 10,
  HS512 = 11,
  EdDSA = 12,
}

export const enum Family {
  RS = 0,
  PS = 1,
  ES = 2,
  HS = 3,
  EdDSA = 4,
}

/** The algorithm of that name, exactly: `none`, in any spelling, is none of them. */
export function parseAlgorithm(name: Bytes): Algorithm {
  if (name.length != 5) return Algorithm.Unknown;
  const digits = ((<u32>name[2]) << 16) | ((<u32>name[3]) << 8) | (<u32>name[4]);
  const hash = digits == 0x323536 ? 0 : digits == 0x333834 ? 1 : digits == 0x353132 ? 2 : -1;
  if (name[1] == 0x53 && hash >= 0) {
    const letter = name[0];
    const family = letter == 0x52 ? Family.RS : letter == 0x50 ? Family.PS : letter == 0x45 ? Family.ES : letter == 0x48 ? Family.HS : -1;
    return family >= 0 ? <Algorithm>(family * 3 + hash) : Algorithm.Unknown;
  }
  return load<u32>(name.pointer) == 0x5344_6445 && name[4] == 0x41 ? Algorithm.EdDSA : Algorithm.Unknown;
}

// @ts-ignore: decorator
@inline
export function familyOf(algorithm: Algorithm): Family {
  return <Family>(<i32>algorithm / 3);
}

/** The hash of an algorithm that has one to choose; EdDSA has not. */
// @ts-ignore: decorator
@inline
export function hashOf(algorithm: Algorithm): Hash {
  return <Hash>(<i32>algorithm % 3);
}
