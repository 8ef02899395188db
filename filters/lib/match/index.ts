export { IntegerRange } from "./integer-range";
export { Search } from "./search";
export { StringMatch, StringMatchKind } from "./string-match";
