export { Config } from "./config";
export { Problems } from "./problems";
export { ConfigValue } from "./value";
