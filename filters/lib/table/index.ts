export { BytesTable, hashByte, hashBytes, hashStart } from "./table";
export { PrefixTable, PrefixWalk } from "./prefix-table";
