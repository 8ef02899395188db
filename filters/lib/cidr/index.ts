export { Address, IPV4, IPV6 } from "./address";
export { Range } from "./range";
export { RangeSet } from "./range-set";
export { SocketAddress } from "./socket-address";
