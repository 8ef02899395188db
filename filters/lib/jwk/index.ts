export { Algorithm, Family, familyOf, hashOf, parseAlgorithm } from "./algorithm";
export { JsonWebKey } from "./key";
export { KEY_SET_MAX_KEYS, KEY_SET_MAX_SIZE, KeySet } from "./key-set";
export { ecPublicKeyInfo, ecSignature, rsaPublicKeyInfo } from "./spki";
