export { parseStringMatch } from "./configuration";
export { IntegerRange } from "./integer-range";
export { parsePathMatch } from "./path-configuration";
export { PathMatch, PathMatchKind } from "./path-match";
export { Search } from "./search";
export { StringMatch, StringMatchKind } from "./string-match";
