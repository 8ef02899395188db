export { xxHash64 } from "./xxhash64";
