export { jsonErrorMessage } from "./error";
export { JsonDocument, JsonError } from "./reader";
export { relocate } from "./relocate";
export { JsonKind, JsonValue } from "./value";
