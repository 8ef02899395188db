import * as arena from "./arena";

export { arena };
export { Bytes, copyBytes, EACH, sameBytes, Text, toLower } from "./bytes";
