export { formatInteger, parsedInteger, parseInteger } from "./integer";
export { decimal } from "./decimal";
export { parseFixed, parsedFixed } from "./fixed";
