import * as arena from "./arena";

export { arena };
export { Bytes, Text, toLower } from "./bytes";
