export { Matcher } from "./matcher";
export { Regex } from "./regex";
