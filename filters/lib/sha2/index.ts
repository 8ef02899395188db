export { SHA256_LENGTH, SHA256_STATE_SIZE, Sha256, sha256 } from "./sha256";
