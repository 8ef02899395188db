export { copyValue, sizeOfCopy } from "./copy";
export { jsonErrorMessage } from "./error";
export { JsonDocument, JsonError } from "./reader";
export { JsonKind, JsonValue } from "./value";
