export { blockLength, digestOf, Hash, hashLength } from "./hash";
export { SHA256_LENGTH, SHA256_STATE_SIZE, Sha256, sha256 } from "./sha256";
export { SHA384_LENGTH, SHA512_LENGTH, SHA512_STATE_SIZE, Sha512 } from "./sha512";
