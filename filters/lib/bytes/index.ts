import * as arena from "./arena";

export { arena };
export { Bytes, copyBytes, sameBytes, Text, toLower } from "./bytes";
